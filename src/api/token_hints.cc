#include "api/token_hints.h"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

#include "api/json_walker.h"
#include "api/multipart.h"
#include "api/request_members.h"

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

constexpr std::size_t kMaxFirstLine = 2 + 70;  // dashes and boundary
constexpr std::size_t kMaxModel = 256;
/// More than this is bounded anyway.
constexpr std::int64_t kMostChoices = 1'000'000;

/// How many prompts there are in the valid JSON of `prompt`: an array of texts or of token lists
/// has several.
std::int64_t count_prompts(std::string_view raw) {
  if (!raw.starts_with('[')) {
    return 1;
  }
  std::int64_t count = 0;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (in_text) {
      i += c == '\\' ? 1 : 0;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
      count += depth == 1 ? 1 : 0;
    } else if (c == '[' || c == '{') {
      count += depth == 1 ? 1 : 0;
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::max<std::int64_t>(count, 1);
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
        unlimited_ = unlimited_ || *most <= 0;
      }
    } else if (member.name == "n" || member.name == "best_of") {
      each_ = std::max(each_, std::min(whole_number(member.value).value_or(1), kMostChoices));
    } else if (member.name == "input") {
      hints.characters = count_characters(member.value);
    } else if (member.name == "prompt") {
      prompts_ = std::min(count_prompts(member.value), kMostChoices);
    }
  }
  void inner_member(const JsonMember&) override {}

  TokenHints take() {
    hints.choices = each_ * prompts_;
    if (unlimited_) {
      hints.max_tokens.reset();  // that is how servers understand it
    }
    return std::move(hints);
  }

  TokenHints hints;

 private:
  bool unlimited_ = false;
  std::int64_t each_ = 1;
  std::int64_t prompts_ = 1;
};

/// A form begins with its boundary, so nothing else is needed to take it apart.
TokenHints hints_of_form(std::string_view body) {
  TokenHints hints;
  const std::size_t end = body.find("\r\n");
  if (end == std::string_view::npos || end > kMaxFirstLine) {
    return hints;
  }
  const auto parts = split_multipart(std::string(body.substr(2, end - 2)), body);
  if (!parts) {
    return hints;
  }
  for (const FormPart& part : *parts) {
    if (part.name == "model" && part.data.size() <= kMaxModel) {
      hints.model = part.data;
    }
  }
  return hints;
}

}  // namespace

TokenHints read_token_hints(std::string_view body) {
  if (body.starts_with("--")) {
    return hints_of_form(body);
  }
  Members members;
  return walk_json(body, members) ? members.take() : TokenHints();
}

}  // namespace headgate::api
