#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/encoding.h"

namespace headgate {

/// Appends JSON text to a string and sets the commas. Brackets are the caller's to close; a number
/// that is not finite becomes null.
class JsonWriter final {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  /// The name of the member whose value comes next.
  JsonWriter& key(std::string_view name) {
    separate();
    append_json_quoted(out_, name);
    out_.push_back(':');
    comma_ = false;
    return *this;
  }
  JsonWriter& text(std::string_view value) {
    separate();
    append_json_quoted(out_, value);
    return *this;
  }
  /// A value that is JSON text already.
  JsonWriter& raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
  }
  JsonWriter& null() { return raw("null"); }
  template <class Number>
  JsonWriter& number(Number value) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    const std::string_view shown(digits, static_cast<std::size_t>(end - digits));
    const bool is_finite = shown.find_first_of("nN") == std::string_view::npos;
    return raw(is_finite ? shown : "null");
  }

 private:
  JsonWriter& open(char bracket) {
    separate();
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  void separate() {
    if (comma_) {
      out_.push_back(',');
    }
    comma_ = true;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace headgate
