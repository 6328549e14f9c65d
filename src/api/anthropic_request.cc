#include "api/anthropic_request.h"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "api/errors.h"
#include "api/json_walker.h"
#include "api/request_members.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

constexpr std::string_view kVersion = "anthropic-version";
constexpr std::array kVendorFields = {kVersion, std::string_view("anthropic-beta")};

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
      spans.stream_value = span_of(body_, member.value);
    } else if (member.name == "messages") {
      messages = member.value;
    } else if (member.name == "tools") {
      spans.tools = has_elements(member.value);
    } else if (member.name == "output_config") {
      spans.json_schema = inner_format_;
    } else if (member.name == "metadata") {
      spans.user = inner_user_;
    } else if (member.name == "max_tokens") {
      spans.max_output = decode_tokens(member.value);
    } else if (member.name == "webhook_url") {
      webhook = true;
    }
    inner_format_ = false;
    inner_user_ = {};
  }

  void inner_member(const JsonMember& member) override {
    if (member.name == "format") {
      inner_format_ = member.value != "null";
    } else if (member.name == "user_id") {
      inner_user_ = member.value;
    }
  }

  std::optional<std::string_view> model;
  std::optional<std::string_view> stream;
  std::optional<std::string_view> messages;
  bool webhook = false;
  model::InferenceRequest spans;

 private:
  std::string_view body_;
  bool inner_format_ = false;
  std::string_view inner_user_;
};

/// The lines that the vendor is to get, in its case of the names.
std::string vendor_fields(const edge::Request& http) {
  std::string lines;
  for (const edge::Field& field : http.fields) {
    for (const std::string_view name : kVendorFields) {
      if (ascii_equal_ignore_case(field.name, name)) {
        lines.append(name).append(": ").append(field.value).append("\r\n");
      }
    }
  }
  return lines;
}

}  // namespace

Result<model::InferenceRequest> parse_anthropic_request(const edge::Request& http) {
  Members members(http.body);
  auto walked = walk_json(http.body, members);
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
  if (!members.messages) {
    return missing_member("messages");
  }
  if (!members.messages->starts_with('[')) {
    return wrong_member("messages", "an array of messages");
  }
  model::InferenceRequest request = std::move(members.spans);
  request.dialect = model::Dialect::Anthropic;
  request.delivery = *stream ? model::Delivery::Stream : model::Delivery::Whole;
  request.model = std::move(*name);
  request.body = http.body;
  request.usage_wanted = true;
  request.messages = *members.messages;
  request.fields = vendor_fields(http);
  return request;
}

bool speaks_anthropic(const edge::Request& http) { return http.field(kVersion).has_value(); }

}  // namespace headgate::api
