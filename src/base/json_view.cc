#include "base/json_view.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

namespace headgate {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

/// Behind the string that starts at `at`.
std::size_t string_end(std::string_view text, std::size_t at) {
  std::size_t quote = text.find('"', at + 1);
  while (quote != std::string_view::npos) {
    std::size_t slashes = 0;
    while (quote - slashes > at + 1 && text[quote - slashes - 1] == '\\') {
      ++slashes;
    }
    if (slashes % 2 == 0) {
      return quote + 1;
    }
    quote = text.find('"', quote + 1);
  }
  return text.size();
}

/// Behind the value that starts at `at`.
std::size_t value_end(std::string_view text, std::size_t at) {
  if (at >= text.size()) {
    return text.size();
  }
  if (text[at] == '"') {
    return string_end(text, at);
  }
  if (text[at] != '{' && text[at] != '[') {
    return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
  }
  std::size_t depth = 0;
  while (at < text.size()) {
    at = text.find_first_of("\"{}[]", at);
    if (at == std::string_view::npos) {
      break;
    }
    const char c = text[at];
    if (c == '"') {
      at = string_end(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') {
      ++depth;
    } else if (--depth == 0) {
      return at;
    }
  }
  return text.size();
}

/// Steps through the entries of an array or object.
class Entries final {
 public:
  explicit Entries(std::string_view container) : text_(container) { step(1); }

  bool done() const { return at_ >= text_.size() || text_[at_] == ']' || text_[at_] == '}'; }
  /// The string or value that stands here, and moves behind it.
  std::string_view take() {
    const std::size_t end = value_end(text_, at_);
    const std::string_view taken = text_.substr(at_, end - at_);
    // A stray separator is not moved over by an empty value.
    step(end > at_ ? end : at_ + 1);
    return taken;
  }

 private:
  void step(std::size_t from) {
    at_ = skip_blanks(text_, from);
    if (at_ < text_.size() && (text_[at_] == ',' || text_[at_] == ':')) {
      at_ = skip_blanks(text_, at_ + 1);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

/// The four hex digits at `at`, or nothing.
std::optional<std::uint32_t> hex_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) {
    return std::nullopt;
  }
  std::uint32_t unit = 0;
  const char* const end = text.data() + at + 4;
  const auto read = std::from_chars(text.data() + at, end, unit, 16);
  return read.ec == std::errc() && read.ptr == end ? std::optional(unit) : std::nullopt;
}

/// Appends what the \u escape with its digits at `at` says, and returns the place behind it.
std::size_t append_unicode(std::string& out, std::string_view text, std::size_t at) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  const auto unit = hex_unit(text, at);
  if (!unit) {
    append_utf8(out, kReplacement);
    return at;
  }
  at += 4;
  const bool is_high = *unit >= 0xD800 && *unit < 0xDC00;
  const bool is_low = *unit >= 0xDC00 && *unit < 0xE000;
  if (is_high && text.substr(at, 2) == "\\u") {
    const auto low = hex_unit(text, at + 2);
    if (low && *low >= 0xDC00 && *low < 0xE000) {
      append_utf8(out, 0x10000U + ((*unit - 0xD800U) << 10U) + (*low - 0xDC00U));
      return at + 6;
    }
  }
  append_utf8(out, is_high || is_low ? kReplacement : *unit);
  return at;
}

char escaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;  // a quote, a slash or a backslash
  }
}

/// The text of a string, given with its quotes.
std::string unescape(std::string_view quoted) {
  const std::string_view text =
      quoted.size() < 2 ? std::string_view() : quoted.substr(1, quoted.size() - 2);
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t slash = text.find('\\', at);
    if (slash == std::string_view::npos || slash + 1 >= text.size()) {
      return out.append(text.substr(at));
    }
    out.append(text.substr(at, slash - at));
    at = slash + 2;
    if (text[slash + 1] == 'u') {
      at = append_unicode(out, text, at);
    } else {
      out.push_back(escaped(text[slash + 1]));
    }
  }
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(number)
                                                                         : std::nullopt;
}

}  // namespace

JsonView::JsonView(std::string_view json) {
  const std::size_t begin = skip_blanks(json, 0);
  raw_ = json.substr(begin, value_end(json, begin) - begin);
}

JsonView JsonView::of(std::string_view raw) {
  JsonView view;
  view.raw_ = raw;
  return view;
}

JsonView::Type JsonView::type() const {
  if (raw_.empty()) {
    return Type::Missing;
  }
  switch (raw_.front()) {
    case '{':
      return Type::Object;
    case '[':
      return Type::Array;
    case '"':
      return Type::String;
    case 't':
    case 'f':
      return Type::Boolean;
    case 'n':
      return Type::Null;
    default:
      return Type::Number;
  }
}

JsonView JsonView::operator[](std::string_view name) const {
  if (!is_object()) {
    return {};
  }
  for (Entries entries(raw_); !entries.done();) {
    const std::string_view key = entries.take();
    const std::string_view value = entries.take();
    const bool is_plain = key.find('\\') == std::string_view::npos;
    if (is_plain ? key.size() == name.size() + 2 && key.substr(1, name.size()) == name
                 : unescape(key) == name) {
      return of(value);
    }
  }
  return {};
}

std::vector<JsonView> JsonView::items() const {
  std::vector<JsonView> items;
  if (is_array()) {
    for (Entries entries(raw_); !entries.done();) {
      items.push_back(of(entries.take()));
    }
  }
  return items;
}

std::vector<JsonMember> JsonView::members() const {
  std::vector<JsonMember> members;
  if (is_object()) {
    for (Entries entries(raw_); !entries.done();) {
      std::string name = unescape(entries.take());
      members.push_back({.name = std::move(name), .value = of(entries.take())});
    }
  }
  return members;
}

JsonObject::JsonObject(const JsonView& object) : members_(object.members()) {}

JsonView JsonObject::operator[](std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &JsonMember::name);
  return found == members_.end() ? JsonView() : found->value;
}

std::optional<std::string> JsonView::text() const {
  return is_string() ? std::optional(unescape(raw_)) : std::nullopt;
}

std::optional<std::int64_t> JsonView::integer() const { return whole_number<std::int64_t>(raw_); }

std::optional<double> JsonView::number() const {
  return type() == Type::Number ? whole_number<double>(raw_) : std::nullopt;
}

std::optional<bool> JsonView::boolean() const {
  return type() == Type::Boolean ? std::optional(raw_ == "true") : std::nullopt;
}

}  // namespace headgate
