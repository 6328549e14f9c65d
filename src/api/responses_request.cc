#include "api/responses_request.h"

#include <optional>
#include <utility>

#include "api/errors.h"
#include "api/json_walker.h"
#include "api/request_members.h"
#include "base/json_view.h"

namespace headgate::api {
namespace {

/// The members that routing and this route read; the dialect judges all.
class Members final : public JsonVisitor {
 public:
  explicit Members(std::string_view body) : body_(body) {}

  void member(const JsonMember& member) override {
    if (member.name == "model") {
      model = member.value;
      spans.model_value = span_of(body_, member.value);
    } else if (member.name == "stream") {
      stream = member.value;
      spans.stream_value = span_of(body_, member.value);
    } else if (member.name == "input") {
      input = member.value;
    } else if (member.name == "background") {
      background = member.value;
    } else if (member.name == "store") {
      store = member.value;
    } else if (member.name == "previous_response_id") {
      previous = member.value;
    } else if (member.name == "tools") {
      spans.tools = has_elements(member.value);
    } else if (member.name == "text") {
      spans.json_schema = inner_schema_;
    } else if (member.name == "user") {
      spans.user = member.value;
    } else if (member.name == "max_output_tokens") {
      spans.max_output = decode_tokens(member.value);
    } else if (member.name == "webhook_url") {
      webhook = true;
    }
    inner_schema_ = false;
  }

  void inner_member(const JsonMember& member) override {
    if (member.name == "format") {
      inner_schema_ = JsonView(member.value)["type"].text() == "json_schema";
    }
  }

  std::optional<std::string_view> model;
  std::optional<std::string_view> stream;
  std::optional<std::string_view> input;
  std::optional<std::string_view> background;
  std::optional<std::string_view> store;
  std::optional<std::string_view> previous;
  bool webhook = false;
  model::InferenceRequest spans;

 private:
  std::string_view body_;
  bool inner_schema_ = false;
};

/// What of a background response cannot be.
Result<void> check_background(const Members& members, bool streamed) {
  if (streamed) {
    return fail(invalid_request(
        "A background response is not streamed here: ask for it with GET /v1/responses/{id}.",
        "stream"));
  }
  if (members.store.value_or("true") == "false") {
    return fail(
        invalid_request("A background response is stored; 'store' cannot be false.", "store"));
  }
  return {};
}

Result<std::string> decode_previous(std::optional<std::string_view> raw) {
  if (!raw || *raw == "null") {
    return std::string();
  }
  auto id = JsonView(*raw).text();
  if (!id || id->empty()) {
    return wrong_member("previous_response_id", "the id of a response");
  }
  return std::move(*id);
}

}  // namespace

Result<ResponsesRequest> parse_responses_request(std::string_view body) {
  Members members(body);
  auto walked = walk_json(body, members);
  if (!walked) {
    return fail(walked.error());
  }
  auto name = decode_model(members.model);
  if (!name) {
    return fail(name.error());
  }
  auto stream = decode_flag(members.stream, "stream");
  if (!stream) {
    return fail(stream.error());
  }
  auto background = decode_flag(members.background, "background");
  if (!background) {
    return fail(background.error());
  }
  auto previous = decode_previous(members.previous);
  if (!previous) {
    return fail(previous.error());
  }
  if (!members.input) {
    return missing_member("input");
  }
  if (!members.input->starts_with('"') && !members.input->starts_with('[')) {
    return wrong_member("input", "a string or an array of items");
  }
  if (*background) {
    if (auto possible = check_background(members, *stream); !possible) {
      return fail(possible.error());
    }
  } else if (members.webhook) {
    return fail(webhook_needs_job("webhook_url"));  // that of a job has been taken out
  }
  ResponsesRequest request{.inference = std::move(members.spans),
                           .previous = std::move(*previous),
                           .background = *background,
                           .store = members.store.value_or("true") != "false"};
  model::InferenceRequest& inference = request.inference;
  inference.dialect = model::Dialect::Responses;
  inference.delivery = *stream ? model::Delivery::Stream : model::Delivery::Whole;
  inference.model = std::move(*name);
  inference.body = body;
  inference.usage_wanted = true;
  inference.messages = *members.input;
  return request;
}

}  // namespace headgate::api
