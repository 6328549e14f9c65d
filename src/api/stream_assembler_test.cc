#include "api/stream_assembler.h"

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

TEST(StreamAssembler, JoinsTheDeltasOfEachChoice) {
  StreamAssembler assembler;
  assembler.add(
      R"({"id":"c","object":"chat.completion.chunk","model":"m","choices":[)"
      R"({"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null},)"
      R"({"index":1,"delta":{"role":"assistant","content":"Bye"},"finish_reason":null}]})");
  assembler.add("not json");
  assembler.add(
      R"({"id":"c","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]})");
  assembler.add(
      R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null})");
  EXPECT_EQ(
      assembler.finish(-1, -1),
      R"({"id":"c","object":"chat.completion","model":"m","usage":null,"choices":[)"
      R"({"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hello"}},)"
      R"({"index":1,"finish_reason":null,"message":{"role":"assistant","content":"Bye"}}]})");
}

TEST(StreamAssembler, JoinsTheArgumentsOfToolCalls) {
  StreamAssembler assembler;
  assembler.add(
      R"({"choices":[{"index":0,"delta":{"tool_calls":[)"
      R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}}]}}]})");
  assembler.add(
      R"({"choices":[{"index":0,"delta":{"tool_calls":[)"
      R"({"index":0,"function":{"arguments":":1}"}},{"index":1,"id":"b","function":{"name":"g","arguments":""}}]}}]})");
  EXPECT_EQ(
      assembler.finish(-1, -1),
      R"({"object":"chat.completion","choices":[{"index":0,"message":{"tool_calls":[)"
      R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},)"
      R"({"index":1,"id":"b","function":{"name":"g","arguments":""}}]}}],"usage":null})");
}

TEST(StreamAssembler, JoinsTheTextOfACompletion) {
  StreamAssembler assembler;
  assembler.add(R"({"object":"text_completion","choices":[{"index":0,"text":"once "}]})");
  assembler.add(
      R"({"object":"text_completion","choices":[{"index":0,"text":"upon","finish_reason":"length"}]})");
  EXPECT_EQ(
      assembler.finish(-1, -1),
      R"({"object":"text_completion","choices":[{"index":0,"text":"once upon","finish_reason":"length"}],"usage":null})");
}

}  // namespace
}  // namespace headgate::api
