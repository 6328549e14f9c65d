// One pass over the bytes, hand-written: strings, which are nearly all of a large body, are scanned
// in blocks (json_string_scan.h); everything else is a few tokens.
// simdjson's on-demand reader needs newer instructions than that to be fast, its DOM copies every
// string, and neither tells where a value stands.
#include "api/json_walker.h"

#include <algorithm>
#include <string>
#include <vector>

#include <simdjson.h>

#include "api/json_string_scan.h"

namespace headgate::api {
namespace {

constexpr unsigned kMaxDepth = 64;
/// More than any sound request has; each costs time and memory further on.
constexpr std::uint32_t kMaxValues = 500'000;
/// Up to this many names an object is checked for repeats pair by pair, above by sorting.
constexpr std::size_t kFewNames = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Value of four hexadecimal digits, or -1.
int hex4(const char* at) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const int digit = is_digit(c)              ? c - '0'
                      : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                      : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                               : -1;
    if (digit < 0) {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

class Walker {
 public:
  Walker(std::string_view text, JsonVisitor& visitor, std::vector<std::string_view>& names)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        visitor_(visitor),
        names_(names) {
    names_.clear();
  }

  /// Whether the text is good; if not, error() says why.
  bool walk() {
    skip_space();
    if (at_ == end_) {
      return bad("it is empty.");
    }
    if (*at_ != '{') {
      return bad("expected an object.");
    }
    if (!object(1)) {
      return false;
    }
    skip_space();
    if (at_ != end_) {
      return bad("something follows after the object.");
    }
    if (not_ascii_ && !simdjson::validate_utf8(begin_, static_cast<std::size_t>(end_ - begin_))) {
      return bad("it is not UTF-8.");
    }
    return true;
  }
  Error error() && { return std::move(error_); }

 private:
  /// Notes the error. The steps below say only whether to go on: an Error in each of their results
  /// would cost more than they do.
  bool bad(std::string_view why) {
    error_ = invalid_request("The request body is not valid JSON: " + std::string(why) +
                             " (at byte " + std::to_string(at_ - begin_) + ")");
    error_.code = "invalid_json";
    return false;
  }

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
      ++at_;
    }
  }

  /// At a backslash that starts no two-character escape.
  bool unicode_escape() {
    ++at_;
    if (at_ == end_) {
      return bad("it ends in the middle of an escape.");
    }
    if (*at_ != 'u') {
      return bad("a string holds an unknown escape.");
    }
    const int unit = end_ - at_ >= 5 ? hex4(at_ + 1) : -1;
    if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) {
      return bad("a \\u escape is malformed or half of a surrogate pair.");
    }
    at_ += 5;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
      const int low = end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u' ? hex4(at_ + 2) : -1;
      if (low < 0xDC00 || low > 0xDFFF) {
        return bad("a \\u escape is half of a surrogate pair.");
      }
      at_ += 6;
    }
    return true;
  }

  /// At the opening quote; leaves the raw text between the quotes in `raw`.
  bool string(std::string_view& raw) {
    const char* const first = ++at_;
    while (true) {
      at_ = scan_json_string(at_, end_, not_ascii_);
      if (at_ == end_) {
        return bad("a string is not closed.");
      }
      if (*at_ == '"') {
        raw = {first, static_cast<std::size_t>(at_ - first)};
        ++at_;
        return true;
      }
      if (*at_ != '\\') {
        return bad("a string holds a control character; it must be escaped.");
      }
      if (!unicode_escape()) {
        return false;
      }
    }
  }

  /// The number grammar of RFC 8259 §6; magnitude and precision are the reader's business.
  bool number() {
    const auto digits = [&] {
      const char* const first = at_;
      while (at_ < end_ && is_digit(*at_)) {
        ++at_;
      }
      return at_ > first;
    };
    at_ += *at_ == '-' ? 1 : 0;
    const char* const first = at_;
    bool good = digits() && (*first != '0' || at_ == first + 1);
    if (good && at_ < end_ && *at_ == '.') {
      ++at_;
      good = digits();
    }
    if (good && at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      at_ += at_ < end_ && (*at_ == '+' || *at_ == '-') ? 1 : 0;
      good = digits();
    }
    return good || bad("a number is malformed.");
  }

  bool word(std::string_view text) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(text)) {
      return bad("a value is no string, number, object, array, true, false or null.");
    }
    at_ += text.size();
    return true;
  }

  bool value(unsigned depth) {
    if (++values_ > kMaxValues) {
      return bad("it has more than 500000 values.");
    }
    if (at_ == end_) {
      return bad("a value is missing.");
    }
    std::string_view ignored;
    switch (*at_) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string(ignored);
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return *at_ == '-' || is_digit(*at_)
                   ? number()
                   : bad("a value is no string, number, object, array, true, false or null.");
    }
  }

  bool array(unsigned depth) {
    if (depth > kMaxDepth) {
      return bad("it is nested more than 64 levels deep.");
    }
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == ']') {
      ++at_;
      return true;
    }
    while (true) {
      skip_space();
      if (!value(depth)) {
        return false;
      }
      skip_space();
      if (at_ < end_ && *at_ == ',') {
        ++at_;
      } else if (at_ < end_ && *at_ == ']') {
        ++at_;
        return true;
      } else {
        return bad("an array element must be followed by ',' or ']'.");
      }
    }
  }

  bool object(unsigned depth) {
    if (depth > kMaxDepth) {
      return bad("it is nested more than 64 levels deep.");
    }
    const std::size_t first_name = names_.size();
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == '}') {
      ++at_;
      return true;
    }
    while (true) {
      skip_space();
      if (!member(depth, first_name)) {
        return false;
      }
      skip_space();
      if (at_ < end_ && *at_ == ',') {
        ++at_;
      } else if (at_ < end_ && *at_ == '}') {
        ++at_;
        break;
      } else {
        return bad("a member of an object must be followed by ',' or '}'.");
      }
    }
    return check_many_names(first_name);
  }

  bool member(unsigned depth, std::size_t first_name) {
    if (at_ == end_ || *at_ != '"') {
      return bad("a member of an object must start with its name in quotes.");
    }
    std::string_view name;
    if (!string(name)) {
      return false;
    }
    if (depth <= 2 && has_escape(name)) {
      return bad("names of members must be written without escapes.");
    }
    if (names_.size() - first_name < kFewNames) {
      const auto before = names_.begin() + static_cast<std::ptrdiff_t>(first_name);
      if (std::find(before, names_.end(), name) != names_.end()) {
        return repeated(name);
      }
    }
    names_.push_back(name);
    skip_space();
    if (at_ == end_ || *at_ != ':') {
      return bad("the name of a member must be followed by ':'.");
    }
    ++at_;
    skip_space();
    const char* const first = at_;
    if (!value(depth)) {
      return false;
    }
    const JsonMember shown{name, {first, static_cast<std::size_t>(at_ - first)}};
    if (depth == 1) {
      visitor_.member(shown);
    } else if (depth == 2) {
      visitor_.inner_member(shown);
    }
    return true;
  }

  bool check_many_names(std::size_t first_name) {
    if (names_.size() - first_name > kFewNames) {
      const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(first_name);
      std::sort(begin, names_.end());
      const auto twice = std::adjacent_find(begin, names_.end());
      if (twice != names_.end()) {
        return repeated(*twice);
      }
    }
    names_.resize(first_name);
    return true;
  }

  bool repeated(std::string_view name) {
    return bad("the name \"" + std::string(name.substr(0, 64)) + "\" stands twice in one object.");
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  JsonVisitor& visitor_;
  std::uint32_t values_ = 0;
  std::vector<std::string_view>& names_;  // of the objects that are open
  Error error_;
  bool not_ascii_ = false;
};

}  // namespace

Result<void> walk_json(std::string_view text, JsonVisitor& visitor) {
  thread_local std::vector<std::string_view> names;
  Walker walker(text, visitor, names);
  if (!walker.walk()) {
    return fail(std::move(walker).error());
  }
  return {};
}

}  // namespace headgate::api
