#include "sim/wire.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace headgate::sim {
namespace {

Behaviour behaving(std::string_view parameters) {
  Behaviour behaviour;
  auto error = apply_parameters(behaviour, parameters);
  EXPECT_FALSE(error) << *error;
  return behaviour;
}

Reply stream() {
  Reply reply{.protocol = Protocol::Anthropic};
  reply.events = {{.data = "{\"a\":1}", .name = "start"},
                  {.data = "{}", .name = "ping", .delay = {}, .ping = true},
                  {.data = "{\"a\":2}", .name = "delta"},
                  {.data = "{\"a\":3}", .name = "delta"},
                  {.data = "{\"a\":4}", .name = "finish"},
                  {.data = "{\"a\":5}", .name = "stop"}};
  reply.finish_at = 4;
  reply.end_mark = 5;
  return reply;
}

std::string names(std::string_view parameters) {
  Reply reply = struck_reply(behaving(parameters), "m", stream());
  std::string text;
  for (const Event& event : reply.events) {
    text += event.ping ? "" : event.name + " ";
  }
  return text;
}

TEST(Wire, EventsAreCountedWithoutPings) {
  EXPECT_EQ(names("flush"), "start delta delta finish stop ");
  EXPECT_EQ(names("error-event=3"), "start delta error ");
  Reply reply = struck_reply(behaving("malformed=2"), "m", stream());
  EXPECT_EQ(reply.events[1].data, "{}");
  EXPECT_EQ(reply.events[2].data, "{\"a");
}

TEST(Wire, TheEndOfAStreamCanBeMissing) {
  EXPECT_EQ(names("no-done"), "start delta delta finish ");
  EXPECT_EQ(names("no-finish"), "start delta delta ");
}

TEST(Wire, AnAnswerCanBeEmptyOrNoTextInTheRightType) {
  Script script = make_script(behaving("empty"), {}, "m", json_reply(Protocol::OpenAi, "{}"));
  EXPECT_EQ(script.body, "");
  EXPECT_NE(script.head.find("content-length: 0\r\n"), std::string::npos);
  EXPECT_NE(script.head.find("content-type: application/json\r\n"), std::string::npos);
  script = make_script(behaving("garbage"), {}, "m", stream());
  EXPECT_NE(script.head.find("content-type: text/event-stream"), std::string::npos);
  EXPECT_NE(script.body.find('\0'), std::string::npos);
  EXPECT_EQ(script.status, 200);
}

TEST(Wire, BytesOfTheBodyAreCounted) {
  Script script =
      make_script(behaving("cut-bytes=4"), {}, "m", json_reply(Protocol::OpenAi, "123456"));
  EXPECT_EQ(script.body, "1234");
  EXPECT_EQ(script.ending, Ending::Close);
  EXPECT_TRUE(script.broken);
  script = make_script(behaving("stall-bytes=0"), {}, "m", json_reply(Protocol::OpenAi, "123456"));
  EXPECT_TRUE(script.head.ends_with("\r\n\r\n"));
  EXPECT_EQ(script.body, "");
  EXPECT_EQ(script.ending, Ending::Hang);
}

TEST(Wire, ACutBeyondTheEndCutsNothing) {
  Script script =
      make_script(behaving("cut-bytes=99"), {}, "m", json_reply(Protocol::OpenAi, "12"));
  EXPECT_EQ(script.body, "12");
}

TEST(Wire, ErrorsHaveTheShapeOfTheirProtocol) {
  auto body = [](Protocol protocol, std::string_view parameters) {
    return struck_reply(behaving(parameters), "m", json_reply(protocol, "{}")).body;
  };
  EXPECT_NE(body(Protocol::Anthropic, "status=529").find("overloaded_error"), std::string::npos);
  EXPECT_NE(body(Protocol::Gemini, "status=429:retry-info=3s").find("\"retryDelay\":\"3s\""),
            std::string::npos);
  EXPECT_EQ(body(Protocol::RunPod, "status=401"),
            R"({"error":"Simulated error 401 of model 'm'."})");
  EXPECT_NE(body(Protocol::OpenAi, "status=503:vllm-errors").find("\"code\":503"),
            std::string::npos);
}

TEST(Wire, NothingIsSaidWithoutContent) {
  Script script =
      make_script(Behaviour{}, {}, "m", Reply{.protocol = Protocol::RunPod, .status = 204});
  EXPECT_EQ(script.body, "");
  EXPECT_EQ(script.head.find("content-"), std::string::npos);
}

}  // namespace
}  // namespace headgate::sim
