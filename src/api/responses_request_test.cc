#include "api/responses_request.h"

#include <string>

#include <gtest/gtest.h>

#include "edge/handler.h"

namespace headgate::api {
namespace {

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

TEST(ResponsesRequest, FindsWhatRoutingNeeds) {
  const Padded body(
      R"({"model":"m","input":[{"role":"user","content":"hi"}],"stream":true,"tools":[{}],"user":"u",)"
      R"("max_output_tokens":9,"text":{"format":{"type":"json_schema","name":"n","schema":{}}}})");
  const auto asked = parse_responses_request(body.view());
  ASSERT_TRUE(asked) << asked.error().message;
  const model::InferenceRequest& request = asked->inference;
  EXPECT_EQ(request.dialect, model::Dialect::Responses);
  EXPECT_EQ(request.delivery, model::Delivery::Stream);
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.messages, R"([{"role":"user","content":"hi"}])");
  EXPECT_EQ(request.max_output, 9);
  EXPECT_EQ(request.user, "\"u\"");
  EXPECT_TRUE(request.tools);
  EXPECT_TRUE(request.json_schema);
  EXPECT_FALSE(asked->background);
  EXPECT_TRUE(asked->previous.empty());
}

TEST(ResponsesRequest, TellsBackgroundAndWhatItFollows) {
  const Padded body(
      R"({"model":"m","input":"hi","background":true,"previous_response_id":"resp_1","stream":null,)"
      R"("text":{"format":{"type":"text"}},"webhook_url":"https://x"})");
  const auto asked = parse_responses_request(body.view());
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_TRUE(asked->background);
  EXPECT_EQ(asked->previous, "resp_1");
  EXPECT_FALSE(asked->inference.json_schema);
}

TEST(ResponsesRequest, NamesTheMemberThatIsWrong) {
  const auto param_of = [](const char* body) {
    const auto asked = parse_responses_request(Padded(body).view());
    return asked ? std::string("(none)") : asked.error().param;
  };
  EXPECT_EQ(param_of(R"({"input":"x"})"), "model");
  EXPECT_EQ(param_of(R"({"model":"m"})"), "input");
  EXPECT_EQ(param_of(R"({"model":"m","input":7})"), "input");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","stream":1})"), "stream");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","background":"yes"})"), "background");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","background":true,"stream":true})"), "stream");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","background":true,"store":false})"), "store");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","store":false})"), "(none)");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","previous_response_id":7})"),
            "previous_response_id");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","previous_response_id":""})"),
            "previous_response_id");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","previous_response_id":null})"), "(none)");
  EXPECT_EQ(param_of(R"({"model":"m","input":"x","webhook_url":"https://x"})"), "webhook_url");
}

}  // namespace
}  // namespace headgate::api
