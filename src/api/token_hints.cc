#include "api/token_hints.h"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

#include "api/json_walker.h"

namespace headgate::api {
namespace {

std::optional<std::int64_t> whole_number(std::string_view raw) {
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  return status == std::errc() && end == raw.data() + raw.size() ? std::optional(value)
                                                                 : std::nullopt;
}

std::string text_of(std::string_view raw) {
  if (!raw.starts_with('"')) {
    return {};
  }
  if (!has_escape(raw)) {
    return std::string(raw.substr(1, raw.size() - 2));
  }
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(raw, ec);
  return !ec && value.is_string() ? std::string(value.get_string()) : std::string();
}

class Members final : public JsonVisitor {
 public:
  void member(const JsonMember& member) override {
    if (member.name == "model") {
      hints.model = text_of(member.value);
    } else if (member.name == "max_tokens" || member.name == "max_completion_tokens" ||
               member.name == "max_output_tokens") {
      // Of both the larger: a provider may heed either.
      if (const auto most = whole_number(member.value)) {
        hints.max_tokens = std::max(hints.max_tokens.value_or(0), *most);
      }
    } else if (member.name == "n") {
      hints.choices = whole_number(member.value).value_or(1);
    }
  }
  void inner_member(const JsonMember&) override {}

  TokenHints hints;
};

}  // namespace

TokenHints read_token_hints(std::string_view body) {
  Members members;
  return walk_json(body, members) ? members.hints : TokenHints();
}

}  // namespace headgate::api
