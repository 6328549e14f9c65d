// RFC 7240 §2: a list of `token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] )`, where a
// parameter is built like a preference and a word is a token or a quoted string.
#include "api/prefer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/encoding.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

/// A name with its value; no value is the same as an empty one.
struct Pair {
  std::string_view name;
  std::string value;
};

/// Reads one field's value from front to back.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }
  bool at_end() const { return rest_.empty(); }
  bool next_is(char c) const { return rest_.starts_with(c); }
  /// Takes `c` and the blanks around it, if it comes next.
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) {
      return false;
    }
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  /// nullopt if what comes next is no such pair.
  std::optional<Pair> pair() {
    Pair pair{.name = token(), .value = {}};
    if (pair.name.empty()) {
      return std::nullopt;
    }
    if (take('=') && !word(pair.value)) {
      return std::nullopt;
    }
    return pair;
  }

 private:
  std::string_view token() {
    const std::string_view found = rest_.substr(0, token_length(rest_));
    rest_.remove_prefix(found.size());
    return found;
  }
  /// A token, which may be missing, or a quoted string; false if that is not closed.
  bool word(std::string& value) {
    if (rest_.empty() || rest_.front() != '"') {
      value = token();
      return true;
    }
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return true;
      }
      if (rest_[at] == '\\' && ++at == rest_.size()) {
        return false;
      }
      value.push_back(rest_[at]);
    }
    return false;
  }

  std::string_view rest_;
};

Failure bad_prefer(std::string message) {
  return fail(invalid_request(std::move(message), "Prefer"));
}

Result<void> take_wait(std::string_view value, Preference& preference) {
  const bool digits =
      !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    return bad_prefer("Prefer: wait must be a number of seconds, up to 300.");
  }
  std::chrono::seconds wait{0};
  for (const char digit : value) {
    wait = std::min(wait * 10 + std::chrono::seconds(digit - '0'), kLongestWait);
  }
  if (preference.wait && *preference.wait != wait) {
    return bad_prefer("Prefer: wait is given twice, with different values.");
  }
  preference.wait = wait;
  return {};
}

Result<void> take_field(std::string_view text, Preference& preference) {
  Reader reader(text);
  reader.skip_blanks();
  while (!reader.at_end()) {
    if (reader.take(',')) {
      continue;  // lists may have empty elements
    }
    const auto asked = reader.pair();
    bool good = asked.has_value();
    while (good && reader.take(';')) {
      good = reader.at_end() || reader.next_is(';') || reader.next_is(',') ||
             reader.pair().has_value();
    }
    if (!good || !(reader.take(',') || reader.at_end())) {
      return bad_prefer("Prefer must be a list such as: respond-async, wait=10");
    }
    if (ascii_equal_ignore_case(asked->name, "respond-async") && asked->value.empty()) {
      preference.respond_async = true;
    } else if (ascii_equal_ignore_case(asked->name, "wait")) {
      auto taken = take_wait(asked->value, preference);
      if (!taken) {
        return taken;
      }
    }
  }
  return {};
}

}  // namespace

Result<Preference> parse_prefer(const edge::Request& request) {
  Preference preference;
  for (const edge::Field& field : request.fields) {
    if (ascii_equal_ignore_case(field.name, "prefer")) {
      auto taken = take_field(field.value, preference);
      if (!taken) {
        return fail(taken.error());
      }
    }
  }
  return preference;
}

}  // namespace headgate::api
