#include "api/openai_request.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edge/handler.h"

namespace headgate::api {
namespace {

using model::Delivery;
using model::Kind;

/// A body with the padding that the edge guarantees.
class Padded {
 public:
  explicit Padded(std::string text) : text_(std::move(text)), size_(text_.size()) {
    text_.append(edge::kBodyPadding, '\0');
  }
  std::string_view view() const { return std::string_view(text_).substr(0, size_); }

 private:
  std::string text_;
  std::size_t size_;
};

std::string part(const model::InferenceRequest& request, model::Span span) {
  return std::string(request.body.substr(span.begin, span.end - span.begin));
}

TEST(OpenAiRequest, FindsWhatRoutingNeedsAndWhereItStands) {
  const Padded body(
      R"({"messages":[{"role":"user","content":"a \"model\": trap"}], "model" : "m/1" ,)"
      R"("stream":true,"stream_options":{"x":1,"include_usage":false},"seed":123456789012345678901234567890})");
  const auto request = parse_openai_request(Kind::Chat, body.view());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "m/1");
  EXPECT_EQ(request->delivery, Delivery::Stream);
  EXPECT_FALSE(request->usage_wanted);
  EXPECT_EQ(part(*request, request->model_value), "\"m/1\"");
  EXPECT_EQ(part(*request, request->stream_options_value), R"({"x":1,"include_usage":false})");
  EXPECT_EQ(part(*request, request->include_usage_value), "false");
}

TEST(OpenAiRequest, DecodesEscapesInTheModelName) {
  const Padded body(R"({"model":"a\/b","messages":[]})");
  const auto request = parse_openai_request(Kind::Chat, body.view());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "a/b");
}

struct Case {
  std::string body;
  std::string param;
};

TEST(OpenAiRequest, NamesTheFieldAtFault) {
  const std::vector<Case> cases = {
      {R"({"messages":[]})", "model"},
      {R"({"model":1,"messages":[]})", "model"},
      {R"({"model":"","messages":[]})", "model"},
      {R"({"model":"m"})", "messages"},
      {R"({"model":"m","messages":{}})", "messages"},
      {R"({"model":"m","messages":[],"stream":"yes"})", "stream"},
      {R"({"model":"m","messages":[],"stream_options":{}})", "stream_options"},
      {R"({"model":"m","messages":[],"stream":true,"stream_options":[]})", "stream_options"},
      {R"({"model":"m","messages":[],"n":0})", "n"},
      {R"({"model":"m","messages":[],"n":1e6})", "n"},
      {R"({"model":"m","messages":[],"max_tokens":"5"})", "max_tokens"},
      {R"({"model":"m","messages":[],"max_completion_tokens":2.5})", "max_completion_tokens"},
  };
  for (const Case& test : cases) {
    const Padded body(test.body);
    const auto request = parse_openai_request(Kind::Chat, body.view());
    ASSERT_FALSE(request) << test.body;
    EXPECT_EQ(request.error().kind, ErrorKind::InvalidRequest) << test.body;
    EXPECT_EQ(request.error().param, test.param) << test.body;
  }
}

TEST(OpenAiRequest, AWebhookIsForJobsAndDoesNotReachTheModelServer) {
  const Padded body(R"({"model":"m","messages":[],"webhook_url":"https://hooks.example/"})");
  const auto request = parse_openai_request(Kind::Chat, body.view());
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(request.error().param, "webhook_url");
  EXPECT_NE(request.error().message.find("Prefer: respond-async"), std::string::npos);
  const Padded inner(
      R"({"model":"m","messages":[{"webhook_url":"x"}],"metadata":{"webhook_url":1}})");
  EXPECT_TRUE(parse_openai_request(Kind::Chat, inner.view())) << "others may name members so";
}

TEST(OpenAiRequest, RefusesWhatIsNotJson) {
  std::vector<std::string> bodies = {
      "",
      " ",
      "[]",
      "\"text\"",
      "{",
      R"({"model":"m","messages":[]} x)",
      R"({"model":"m","messages":[]}{"a":1})",
      R"({"model":"m","messages":[],})",
      R"({"model":"m","messages":[1,]})",
      R"({"model":"m","messages":[01]})",
      R"({"model":"m","messages":[1.]})",
      R"({"model":"m","messages":[+1]})",
      R"({"model":"m","messages":[NaN]})",
      R"({"model":"m","messages":[nul]})",
      R"({"model":"m","messages":[truex]})",
      R"({"model":"m","messages":["\q"]})",
      R"({"model":"m","messages":["\u12G4"]})",
      R"({"model":"m","messages":["\uD800"]})",
      R"({"model":"m","messages":["\uDC00"]})",
      "{\"model\":\"m\",\"messages\":[\"\xFF\"]}",
      "{\"model\":\"m\",\"messages\":[\"a\nb\"]}",
      R"({"model":"m","messages":[] "stream":true})",
      R"({"model":"m","model":"n","messages":[]})",
      R"({"model":"m","messages":[{"a":1,"a":2}]})",
      R"({"mod\u0065l":"m","messages":[]})",
      R"({'model':'m'})",
  };
  bodies.push_back(R"({"model":"m","messages":)" + std::string(70, '[') + std::string(70, ']') +
                   "}");
  for (const std::string& text : bodies) {
    const Padded body(text);
    const auto request = parse_openai_request(Kind::Chat, body.view());
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, "invalid_json") << text << " -> " << request.error().message;
  }
}

TEST(OpenAiRequest, RepeatedNamesAreFoundInLargeObjectsToo) {
  std::string text = R"({"model":"m","messages":[{)";
  for (int i = 0; i < 100; ++i) {
    text += "\"n" + std::to_string(i) + "\":0,";
  }
  const Padded good(text + "\"z\":0}]}");
  EXPECT_TRUE(parse_openai_request(Kind::Chat, good.view()));
  const Padded bad(text + "\"n7\":0}]}");
  EXPECT_FALSE(parse_openai_request(Kind::Chat, bad.view()));
}

}  // namespace
}  // namespace headgate::api
