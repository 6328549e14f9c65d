#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/encoding.h"

// Appends JSON text, setting the commas by what stands before.
namespace headgate::providers {

/// Begins an element of an array.
inline void begin_element(std::string& out) {
  if (!out.empty() && out.back() != '{' && out.back() != '[') {
    out.push_back(',');
  }
}

/// Begins a member; its value comes next. `name` needs no escapes.
inline void begin_member(std::string& out, std::string_view name) {
  begin_element(out);
  out.append("\"").append(name).append("\":");
}

inline void add_text(std::string& out, std::string_view name, std::string_view value) {
  begin_member(out, name);
  append_json_quoted(out, value);
}

/// A value that is JSON text already.
inline void add_raw(std::string& out, std::string_view name, std::string_view json) {
  begin_member(out, name);
  out.append(json);
}

/// A number in the shortest text that reads the same; null if it is not finite.
template <class Number>
void append_number(std::string& out, Number value) {
  char digits[32];
  const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view shown(digits, static_cast<std::size_t>(end - digits));
  const bool is_finite = shown.find_first_of("nN") == std::string_view::npos;
  out.append(is_finite ? shown : "null");
}

template <class Number>
void add_number(std::string& out, std::string_view name, Number value) {
  begin_member(out, name);
  append_number(out, value);
}

}  // namespace headgate::providers
