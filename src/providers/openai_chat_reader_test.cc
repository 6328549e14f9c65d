#include <string>

#include <gtest/gtest.h>

#include "providers/chat_testing.h"
#include "providers/provider.h"

namespace headgate::providers {
namespace {

/// An event of one choice.
std::string chunk(const std::string& delta, const std::string& finish = "null",
                  const std::string& rest = "") {
  return R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1747000000,)"
         R"("model":"m","choices":[{"index":0,"delta":)" +
         delta + R"(,"logprobs":null,"finish_reason":)" + finish + rest + R"(}],"usage":null})" +
         "\n\n";
}

constexpr const char* kDone = "data: [DONE]\n\n";
constexpr const char* kUsage =
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
    "\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":8},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}\n\n";

std::string read(const std::string& stream, std::size_t size = 1U << 20U) {
  return read_chat(*provider_for("openai"), stream, size);
}

/// The same, once it has been found to be so for every place at which the stream can be cut.
std::string read_cut(const std::string& stream) {
  const std::string whole = read(stream);
  for (std::size_t size = 1; size < stream.size(); ++size) {
    EXPECT_EQ(read(stream, size), whole) << size;
  }
  return whole;
}

TEST(OpenAiChatReader, AStreamOfEveryDeltaIsReadTheSameHoweverItIsCut) {
  const std::string stream =
      ": ping\r\n\r\n" + chunk(R"({"role":"assistant","content":"","refusal":null})") +
      chunk(R"({"reasoning_content":"hm"})") + chunk(R"({"reasoning":"so"})") +
      chunk(R"({"content":"Hel"})") + chunk(R"({"content":"lo \u00e9\n"})") +
      chunk(R"({"refusal":"No."})") +
      chunk(
          R"({"tool_calls":[{"index":0,"id":"call_9","type":"function","function":{"name":"f","arguments":""}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"ci"}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"ty\":1}"}}]})") +
      chunk("{}", "\"tool_calls\"") + kUsage + kDone;
  EXPECT_EQ(read_cut(stream),
            "0 start chatcmpl-1 m\n"
            "0 reasoning hm|\n"
            "0 reasoning so|\n"
            "0 text Hel\n"
            "0 text lo é\n\n"
            "0 refusal No.\n"
            "0 call[0] call_9 f|\n"
            "0 arguments[0] {\"ci\n"
            "0 arguments[0] ty\":1}\n"
            "0 finish calls|\n"
            "0 usage 9+4 cached 8 written -1 reasoning 2\n");
}

TEST(OpenAiChatReader, LogprobsKeepTheirNumbersAsTheyCame) {
  const std::string stream =
      "data: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},"
      "\"logprobs\":{\"content\":[{\"logprob\":-0.10}]},\"finish_reason\":\"length\"}]}\n\n";
  EXPECT_EQ(read_cut(stream),
            "0 start a m\n0 text x\n0 logprobs {\"content\":[{\"logprob\":-0.10}]}\n"
            "0 finish length|\n");
}

TEST(OpenAiChatReader, ChoicesInterleaveAndEachMustEnd) {
  const auto of_second = [](std::string event) {
    return event.replace(event.find("\"index\":0"), 9, "\"index\":1");
  };
  const std::string begun = chunk(R"({"content":"a"})") + of_second(chunk(R"({"content":"b"})")) +
                            chunk("{}", "\"stop\"");
  EXPECT_EQ(read(begun + of_second(chunk("{}", "\"content_filter\""))),
            "0 start chatcmpl-1 m\n0 text a\n1 text b\n0 finish stop|\n1 finish filter|\n");
  EXPECT_NE(read(begun).find("failed: "), std::string::npos);
}

TEST(OpenAiChatReader, ToolCallsAreToldApartByWhatServersGive) {
  const auto call = [](const std::string& members) {
    return chunk(R"({"tool_calls":[{)" + members + "}]}");
  };
  const std::string two =
      "0 start chatcmpl-1 m\n0 call[0] a f|\n0 arguments[0] {1\n0 call[1] b g|\n"
      "0 arguments[1] {2\n0 arguments[1] 3}\n0 finish calls|\n";
  const std::string end = chunk("{}", "\"stop\"");
  EXPECT_EQ(read(call(R"("id":"a","function":{"name":"f","arguments":"{1"})") +
                 call(R"("id":"b","function":{"name":"g","arguments":"{2"})") +
                 call(R"("function":{"arguments":"3}"})") + end),
            two)
      << "no index: by id, then the last";
  EXPECT_EQ(read(call(R"("index":0,"id":"a","function":{"name":"f","arguments":"{1"})") +
                 call(R"("index":0,"id":"b","function":{"name":"g","arguments":"{2"})") +
                 call(R"("index":0,"id":"b","function":{"name":"g","arguments":"3}"})") + end),
            two)
      << "one index for all";
  EXPECT_EQ(read(call(R"("index":0,"id":"a","function":{"name":"f","arguments":"{1"})") +
                 call(R"("index":1,"id":"b","function":{"name":"g","arguments":"{2"})") +
                 call(R"("index":1,"id":"b","function":{"name":"g","arguments":"3}"})") + end),
            two)
      << "id and name repeated";
  EXPECT_EQ(read(call(R"("index":0,"function":{"arguments":"{"})") +
                 call(R"("index":0,"function":{"name":"f","arguments":{"a":1.0}})") + end),
            "0 start chatcmpl-1 m\n0 call[0] call_chatcmpl-1_0 f|\n0 arguments[0] {\n"
            "0 arguments[0] {\"a\":1.0}\n0 finish calls|\n")
      << "a late name, no id, an object";
  EXPECT_EQ(read(call(R"("function":{"name":"f","arguments":"{}"})") +
                 call(R"("function":{"name":"f","arguments":"{}"})") + end),
            "0 start chatcmpl-1 m\n0 call[0] call_chatcmpl-1_0 f|\n0 arguments[0] {}\n"
            "0 call[1] call_chatcmpl-1_1 f|\n0 arguments[1] {}\n0 finish calls|\n")
      << "nothing but names";
}

TEST(OpenAiChatReader, TheEndMarkOrTheFinishReasonEndsAnAnswerAndNothingElse) {
  const std::string text = chunk(R"({"content":"a"})");
  const std::string told = "0 start chatcmpl-1 m\n0 text a\n";
  EXPECT_EQ(read(text + kDone), told + "0 finish stop|\n");
  EXPECT_EQ(read(text + chunk("{}", "\"stop\"", ",\"stop_reason\":\"END\"")),
            told + "0 finish sequence|END\n");
  const std::string cut = "failed: The model server ended its answer before it was complete.\n";
  EXPECT_EQ(read(text), told + cut);
  EXPECT_EQ(read(""), cut);
  EXPECT_EQ(read(kDone), cut) << "an end without an answer";
  EXPECT_EQ(read(text + "data: [DONE"), told + cut);
  EXPECT_EQ(read(text + chunk("{}", "\"abort\"")),
            told + "failed: The model server gave the answer up.\n");
  EXPECT_EQ(read(text + kDone + text), told + "0 finish stop|\n");
  EXPECT_EQ(read(text + kDone + std::string(9U << 20U, 'x'), 1U << 20U), told + "0 finish stop|\n")
      << "what follows the end mark is not even kept";
}

TEST(OpenAiChatReader, MalformedEventsAreSkippedAndErrorsEndTheAnswer) {
  const std::string noise =
      "data: {not json\n\ndata: 7\n\ndata: {\"choices\":[7,{\"index\":-1},{\"index\":999}]}\n\n"
      "event: x\n\n";
  const std::string text = chunk(R"({"content":"a"})");
  EXPECT_EQ(read(text + noise + chunk("{}", "\"stop\"")),
            "0 start chatcmpl-1 m\n0 text a\n0 finish stop|\n");
  EXPECT_EQ(read_cut(text + "data: {\"error\":{\"message\":\"GPU lost\",\"code\":500}}\n\n" + text +
                     kDone),
            "0 start chatcmpl-1 m\n0 text a\n"
            "failed: The model server reported an error while answering.\n");
}

}  // namespace
}  // namespace headgate::providers
