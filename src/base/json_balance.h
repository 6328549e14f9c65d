#pragma once

#include <cstdint>
#include <string_view>

namespace headgate {

/// Follows JSON text that comes in pieces, cut anywhere, and tells whether one object or array is
/// closed. What stands inside is not looked into.
class JsonBalance final {
 public:
  void feed(std::string_view piece) {
    for (const char c : piece) {
      take(c);
    }
  }
  /// One value was opened and closed, and nothing but blanks followed.
  bool whole() const { return opened_ && depth_ == 0 && !surplus_; }

 private:
  void take(char c) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      return;
    }
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      return;
    }
    const bool opens = c == '{' || c == '[';
    if (depth_ == 0 && (opened_ || !opens)) {
      surplus_ = true;
      return;
    }
    if (opens) {
      opened_ = true;
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
    } else if (c == '"') {
      in_string_ = true;
    }
  }

  std::uint64_t depth_ = 0;
  bool opened_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool surplus_ = false;
};

}  // namespace headgate
