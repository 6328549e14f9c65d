// One pass over the bytes, hand-written: strings, which are nearly all of a large body, are scanned
// 16 bytes at a time with the SSE2 that every amd64 has; everything else is a few tokens.
// simdjson's on-demand reader needs newer instructions than that to be fast, its DOM copies every
// string, and neither tells where a value stands.
#include "api/json_walker.h"

#include <algorithm>
#include <string>
#include <vector>

#include <simdjson.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace headgate::api {
namespace {

constexpr unsigned kMaxDepth = 64;
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

  Result<void> walk() {
    skip_space();
    if (at_ == end_) {
      return bad("it is empty.");
    }
    if (*at_ != '{') {
      return bad("expected an object.");
    }
    auto walked = object(1);
    if (!walked) {
      return walked;
    }
    skip_space();
    if (at_ != end_) {
      return bad("something follows after the object.");
    }
    if (not_ascii_ && !simdjson::validate_utf8(begin_, static_cast<std::size_t>(end_ - begin_))) {
      return bad("it is not UTF-8.");
    }
    return {};
  }

 private:
  std::unexpected<Error> bad(std::string_view why) const {
    Error error = invalid_request("The request body is not valid JSON: " + std::string(why) +
                                  " (at byte " + std::to_string(at_ - begin_) + ")");
    error.code = "invalid_json";
    return fail(std::move(error));
  }

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) {
      ++at_;
    }
  }

  /// Moves to the next quote, backslash or control character of a string, or to the end.
  void scan_string() {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);
    while (at_ < end_) {
      // The padding behind the text makes reading a whole block safe.
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_));
      const __m128i hit =
          _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                       _mm_cmpeq_epi8(_mm_min_epu8(block, control), block));
      const auto hits = static_cast<unsigned>(_mm_movemask_epi8(hit));
      not_ascii_ = not_ascii_ || _mm_movemask_epi8(block) != 0;
      if (hits != 0) {
        at_ = std::min(at_ + __builtin_ctz(hits), end_);
        return;
      }
      at_ += 16;
    }
    at_ = end_;
#else
    while (at_ < end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) > 0x1F) {
      not_ascii_ = not_ascii_ || static_cast<unsigned char>(*at_) > 0x7F;
      ++at_;
    }
#endif
  }

  Result<void> escape() {
    ++at_;
    if (at_ == end_) {
      return bad("it ends in the middle of an escape.");
    }
    if (*at_ != 'u') {
      if (std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos) {
        return bad("a string holds an unknown escape.");
      }
      ++at_;
      return {};
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
    return {};
  }

  /// At the opening quote; leaves the raw text between the quotes in `raw`.
  Result<void> string(std::string_view& raw) {
    const char* const first = ++at_;
    while (true) {
      scan_string();
      if (at_ == end_) {
        return bad("a string is not closed.");
      }
      if (*at_ == '"') {
        raw = {first, static_cast<std::size_t>(at_ - first)};
        ++at_;
        return {};
      }
      if (*at_ != '\\') {
        return bad("a string holds a control character; it must be escaped.");
      }
      auto escaped = escape();
      if (!escaped) {
        return escaped;
      }
    }
  }

  /// The number grammar of RFC 8259 §6; magnitude and precision are the reader's business.
  Result<void> number() {
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
    return good ? Result<void>() : bad("a number is malformed.");
  }

  Result<void> word(std::string_view text) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(text)) {
      return bad("a value is no string, number, object, array, true, false or null.");
    }
    at_ += text.size();
    return {};
  }

  Result<void> value(unsigned depth) {
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

  Result<void> array(unsigned depth) {
    if (depth > kMaxDepth) {
      return bad("it is nested more than 64 levels deep.");
    }
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == ']') {
      ++at_;
      return {};
    }
    while (true) {
      skip_space();
      auto element = value(depth);
      if (!element) {
        return element;
      }
      skip_space();
      if (at_ < end_ && *at_ == ',') {
        ++at_;
      } else if (at_ < end_ && *at_ == ']') {
        ++at_;
        return {};
      } else {
        return bad("an array element must be followed by ',' or ']'.");
      }
    }
  }

  Result<void> object(unsigned depth) {
    if (depth > kMaxDepth) {
      return bad("it is nested more than 64 levels deep.");
    }
    const std::size_t first_name = names_.size();
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == '}') {
      ++at_;
      return {};
    }
    while (true) {
      skip_space();
      auto one = member(depth, first_name);
      if (!one) {
        return one;
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

  Result<void> member(unsigned depth, std::size_t first_name) {
    if (at_ == end_ || *at_ != '"') {
      return bad("a member of an object must start with its name in quotes.");
    }
    std::string_view name;
    auto named = string(name);
    if (!named) {
      return named;
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
    auto walked = value(depth);
    if (!walked) {
      return walked;
    }
    const JsonMember shown{name, {first, static_cast<std::size_t>(at_ - first)}};
    if (depth == 1) {
      visitor_.member(shown);
    } else if (depth == 2) {
      visitor_.inner_member(shown);
    }
    return {};
  }

  Result<void> check_many_names(std::size_t first_name) {
    if (names_.size() - first_name > kFewNames) {
      const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(first_name);
      std::sort(begin, names_.end());
      const auto twice = std::adjacent_find(begin, names_.end());
      if (twice != names_.end()) {
        return repeated(*twice);
      }
    }
    names_.resize(first_name);
    return {};
  }

  std::unexpected<Error> repeated(std::string_view name) const {
    return bad("the name \"" + std::string(name.substr(0, 64)) + "\" stands twice in one object.");
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  JsonVisitor& visitor_;
  std::vector<std::string_view>& names_;  // of the objects that are open
  bool not_ascii_ = false;
};

}  // namespace

Result<void> walk_json(std::string_view text, JsonVisitor& visitor) {
  thread_local std::vector<std::string_view> names;
  return Walker(text, visitor, names).walk();
}

}  // namespace headgate::api
