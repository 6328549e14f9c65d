#include "api/openai_request.h"

#include <optional>
#include <string>
#include <utility>

#include "api/errors.h"
#include "api/json_walker.h"
#include "api/request_members.h"

namespace headgate::api {
namespace {

/// The members that routing reads; all others pass.
class Members final : public JsonVisitor {
 public:
  explicit Members(std::string_view body) : body_(body) {}

  void member(const JsonMember& member) override {
    if (member.name == "model") {
      model = member.value;
      spans.model_value = span_of(body_, member.value);
    } else if (member.name == "stream") {
      stream = member.value;
    } else if (member.name == "stream_options") {
      stream_options = member.value;
      spans.stream_options_value = span_of(body_, member.value);
      include_usage = std::exchange(inner_usage_, std::nullopt);
    } else if (member.name == "messages") {
      messages = member.value;
    } else if (member.name == "prompt") {
      prompt = member.value;
    } else if (member.name == "input") {
      input = member.value;
    } else if (member.name == "webhook_url") {
      webhook = true;
    } else if (member.name == "tools") {
      spans.tools = has_elements(member.value);
    } else if (member.name == "response_format") {
      spans.json_schema = inner_schema_;
    } else if (member.name == "encoding_format") {
      spans.base64 = member.value == R"("base64")";
    } else if (member.name == "user") {
      spans.user = member.value;
    } else if (member.name == "max_tokens" || member.name == "max_completion_tokens") {
      spans.max_output = decode_tokens(member.value);
      require(require_whole(member.value, std::string(member.name)));
    } else if (member.name == "n" || member.name == "best_of") {
      require(require_whole(member.value, std::string(member.name), 1));
    }
    inner_usage_.reset();
    inner_schema_ = false;
  }

  void inner_member(const JsonMember& member) override {
    if (member.name == "include_usage") {
      inner_usage_ = member.value;
    } else if (member.name == "json_schema") {
      inner_schema_ = true;
    }
  }

  std::optional<std::string_view> model;
  std::optional<std::string_view> stream;
  std::optional<std::string_view> stream_options;
  std::optional<std::string_view> include_usage;
  std::optional<std::string_view> messages;
  std::optional<std::string_view> prompt;
  std::optional<std::string_view> input;
  bool webhook = false;
  model::InferenceRequest spans;
  Result<void> numbers;  ///< the first wrong one

 private:
  void require(Result<void> sound) {
    if (numbers && !sound) {
      numbers = std::move(sound);
    }
  }

  std::string_view body_;
  std::optional<std::string_view> inner_usage_;
  bool inner_schema_ = false;
};

Result<void> require_content(model::Kind kind, const Members& members) {
  switch (kind) {
    case model::Kind::Chat:
      if (!members.messages) {
        return missing_member("messages");
      }
      if (!members.messages->starts_with('[')) {
        return wrong_member("messages", "an array of messages");
      }
      return {};
    case model::Kind::Completion:
      return members.prompt ? Result<void>() : missing_member("prompt");
    case model::Kind::Embedding:
      if (!members.input) {
        return missing_member("input");
      }
      return members.input->starts_with('[') && !has_elements(*members.input)
                 ? wrong_member("input", "a text or an array that is not empty")
                 : Result<void>();
    default:
      return {};
  }
}

}  // namespace

Result<model::InferenceRequest> parse_openai_request(model::Kind kind, std::string_view body) {
  Members members(body);
  auto walked = walk_json(body, members);
  if (!walked) {
    return fail(walked.error());
  }
  if (members.webhook) {
    return fail(webhook_needs_job("webhook_url"));  // that of a job has been taken out
  }
  auto name = decode_model(members.model);
  if (!name) {
    return fail(name.error());
  }
  auto stream = decode_flag(members.stream, "stream");
  if (!stream) {
    return fail(stream.error());
  }
  auto usage = decode_flag(members.include_usage, "stream_options.include_usage");
  if (!usage) {
    return fail(usage.error());
  }
  const std::string_view options = members.stream_options.value_or("null");
  if (options != "null" && !options.starts_with('{')) {
    return wrong_member("stream_options", "an object");
  }
  if (options != "null" && !*stream) {
    return fail(invalid_request("'stream_options' is only allowed when 'stream' is true.",
                                "stream_options"));
  }
  auto content = require_content(kind, members);
  if (!content) {
    return fail(content.error());
  }
  if (!members.numbers) {
    return fail(members.numbers.error());
  }
  model::InferenceRequest request = members.spans;
  request.kind = kind;
  request.base64 = request.base64 && kind == model::Kind::Embedding;
  request.delivery =
      *stream && kind != model::Kind::Embedding ? model::Delivery::Stream : model::Delivery::Whole;
  request.model = std::move(*name);
  request.body = body;
  request.usage_wanted = *usage;
  request.messages = members.messages.value_or(members.prompt.value_or(members.input.value_or("")));
  if (members.include_usage) {
    request.include_usage_value = span_of(body, *members.include_usage);
  }
  return request;
}

}  // namespace headgate::api
