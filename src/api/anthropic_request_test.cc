#include "api/anthropic_request.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edge/handler.h"

namespace headgate::api {
namespace {

/// A request with the padding that the edge guarantees.
class Sent {
 public:
  explicit Sent(std::string body, std::vector<edge::Field> fields = {})
      : body_(std::move(body)), size_(body_.size()), fields_(std::move(fields)) {
    body_.append(edge::kBodyPadding, '\0');
    http_.fields = fields_;
    http_.body = std::string_view(body_).substr(0, size_);
  }
  const edge::Request& http() const { return http_; }
  Result<model::InferenceRequest> parsed() const { return parse_anthropic_request(http_); }

 private:
  std::string body_;
  std::size_t size_;
  std::vector<edge::Field> fields_;
  edge::Request http_;
};

std::string part(const model::InferenceRequest& request, model::Span span) {
  return std::string(request.body.substr(span.begin, span.end - span.begin));
}

TEST(AnthropicRequest, FindsWhatRoutingNeedsAndWhereItStands) {
  const Sent sent(
      R"({"max_tokens":77,"messages":[{"role":"user","content":"\"stream\":true"}],"model":"m\u002f1",)"
      R"("stream" : true,"tools":[{"name":"f"}],"metadata":{"user_id":"u-1"},)"
      R"("output_config":{"effort":"low","format":{"type":"json_schema","schema":{}}}})");
  const auto request = sent.parsed();
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->dialect, model::Dialect::Anthropic);
  EXPECT_EQ(request->kind, model::Kind::Chat);
  EXPECT_EQ(request->delivery, model::Delivery::Stream);
  EXPECT_EQ(request->model, "m/1");
  EXPECT_EQ(part(*request, request->model_value), R"("m\u002f1")");
  EXPECT_EQ(part(*request, request->stream_value), "true");
  EXPECT_EQ(request->max_output, 77);
  EXPECT_EQ(request->user, "\"u-1\"");
  EXPECT_TRUE(request->tools);
  EXPECT_TRUE(request->json_schema);
  EXPECT_TRUE(request->messages.starts_with(R"([{"role")"));
}

TEST(AnthropicRequest, WhatIsNotThereIsNotFound) {
  const Sent sent(
      R"({"model":"m","messages":[],"tools":[ ],"output_config":{"format":null},"x":{"user_id":"no","format":{}}})");
  const auto request = sent.parsed();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->delivery, model::Delivery::Whole);
  EXPECT_EQ(request->max_output, 0);
  EXPECT_TRUE(request->user.empty());
  EXPECT_FALSE(request->tools);
  EXPECT_FALSE(request->json_schema);
  EXPECT_TRUE(request->fields.empty());
}

TEST(AnthropicRequest, TheVendorsOwnFieldsAreKeptAndNoOthers) {
  const Sent sent(R"({"model":"m","messages":[]})", {{"X-Api-Key", "secret"},
                                                     {"Anthropic-Version", "2026-10-21"},
                                                     {"anthropic-beta", "a,b"},
                                                     {"anthropic-beta", "c"},
                                                     {"anthropic-workspace-id", "w"}});
  EXPECT_EQ(sent.parsed()->fields,
            "anthropic-version: 2026-10-21\r\nanthropic-beta: a,b\r\nanthropic-beta: c\r\n");
  EXPECT_TRUE(speaks_anthropic(sent.http()));
  EXPECT_FALSE(speaks_anthropic(Sent("{}", {{"anthropic-beta", "a"}}).http()));
}

TEST(AnthropicRequest, NamesTheMemberThatIsWrong) {
  const auto param_of = [](const char* body) {
    const auto request = Sent(body).parsed();
    return request ? std::string("(none)") : request.error().param;
  };
  EXPECT_EQ(param_of(R"({"messages":[]})"), "model");
  EXPECT_EQ(param_of(R"({"model":7,"messages":[]})"), "model");
  EXPECT_EQ(param_of(R"({"model":"m"})"), "messages");
  EXPECT_EQ(param_of(R"({"model":"m","messages":"hi"})"), "messages");
  EXPECT_EQ(param_of(R"({"model":"m","messages":[],"stream":"yes"})"), "stream");
  EXPECT_EQ(param_of(R"({"model":"m","messages":[],"webhook_url":"https://x"})"), "webhook_url");
  EXPECT_EQ(Sent("{").parsed().error().code, "invalid_json");
}

}  // namespace
}  // namespace headgate::api
