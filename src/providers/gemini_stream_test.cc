#include "providers/gemini_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "providers/gemini_testing.h"

namespace headgate::providers {
namespace {

/// What a reader says of `pieces`, with the end or the failure as the last line.
std::string read(const std::vector<std::string_view>& pieces) {
  const auto reader = make_gemini_reader();
  std::vector<model::ChatEvent> events;
  for (const std::string_view piece : pieces) {
    if (auto fed = reader->feed(piece, events); !fed) {
      EXPECT_FALSE(reader->finish(events)) << "a failure stays";
      EXPECT_FALSE(reader->feed("data: {}\n\n", events));
      return shown(events) + "failed " + std::string(wire_code(fed.error())) + "\n";
    }
  }
  const auto end = reader->finish(events);
  return shown(events) + (end ? "end\n" : "broken " + std::string(wire_code(end.error())) + "\n");
}

/// The same, after every way to cut `bytes` in two and byte by byte.
std::string read_cut_anywhere(std::string_view bytes) {
  const std::string whole = read({bytes});
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    EXPECT_EQ(read({bytes.substr(0, i), bytes.substr(i)}), whole) << "cut at " << i;
  }
  std::vector<std::string_view> single;
  single.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    single.push_back(bytes.substr(i, 1));
  }
  EXPECT_EQ(read(single), whole);
  return whole;
}

/// `events` as a stream whose lines end with `line_end`.
std::string stream(const std::vector<std::string>& events, const std::string& line_end = "\r\n") {
  std::string out;
  for (const std::string& event : events) {
    out.append("data: ").append(event).append(line_end).append(line_end);
  }
  return out;
}

const std::string kFirst =
    R"({"candidates":[{"content":{"parts":[{"text":"It is"}],"role":"model"}}],)"
    R"("usageMetadata":{"promptTokenCount":270,"totalTokenCount":270},)"
    R"("modelVersion":"gemini-x","responseId":"r1"})";
const std::string kLast =
    R"({"candidates":[{"content":{"parts":[{"text":" a cat."}],"role":"model"},)"
    R"("finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":270,)"
    R"("candidatesTokenCount":6,"totalTokenCount":276},"modelVersion":"gemini-x",)"
    R"("responseId":"r1"})";
constexpr const char* kRead =
    "start r1 gemini-x\n0 text It is\nusage 270 0 cached 0 reasoning 0\n"
    "0 text  a cat.\n0 finish 1\nusage 270 6 cached 0 reasoning 0\nend\n";

TEST(GeminiStream, DeltasEndAndTotalsWhateverTheLineEnds) {
  for (const char* line_end : {"\r\n", "\n", "\r"}) {
    EXPECT_EQ(read_cut_anywhere(stream({kFirst, kLast}, line_end)), kRead);
  }
  EXPECT_EQ(read_cut_anywhere("\xEF\xBB\xBF: hello\r\n\r\n" + stream({kFirst, kLast})), kRead);
}

TEST(GeminiStream, WithoutServerSentEventsItIsOneArray) {
  EXPECT_EQ(read_cut_anywhere("[" + kFirst + "\n,\r\n" + kLast + "\n]\n"), kRead);
  std::string spread = "[{\n  \"x\": \"}{\\\"\",";
  spread += kFirst.substr(1) + ",\n" + kLast + "]";
  EXPECT_EQ(read_cut_anywhere(spread), kRead) << "brackets in strings are no brackets";
}

TEST(GeminiStream, ReasoningCallsAndSignatures) {
  const auto parts = [](const std::string& list, const std::string& rest = "") {
    return R"({"candidates":[{"content":{"parts":[)" + list + "]}" + rest +
           R"(}],"responseId":"r"})";
  };
  const std::string calls =
      R"({"functionCall":{"name":"f","args":{"a": 1.0}},"thoughtSignature":"S"},)"
      R"({"functionCall":{"id":"i","name":"g"}})";
  const std::string bytes = stream(
      {parts(R"({"text":"Hm","thought":true})"), parts(R"({"text":"m","thought":true})"),
       parts(R"({"text":"I look."})"), parts(R"({"text":"","thoughtSignature":"T"})"), parts(calls),
       parts(R"({"text":"","thoughtSignature":"U"})", R"(,"finishReason":"STOP")")});
  EXPECT_EQ(read_cut_anywhere(bytes),
            "start r \n0 reasoning Hmm\n0 text I look. ~T\n0 call call_r_0 f ~S\n"
            "0 arguments {\"a\": 1.0}\n0.1 call i g\n0.1 arguments {}\n0 finish 4\nend\n")
      << "a signature behind calls belongs to no text";
}

TEST(GeminiStream, SeveralChoicesAreKeptApartAndAllMustEnd) {
  const std::string first = R"({"candidates":[{"content":{"parts":[{"text":"a"}]}},)"
                            R"({"index":1,"content":{"parts":[{"text":"b"}]}}]})";
  const std::string end0 = R"({"candidates":[{"finishReason":"STOP"}]})";
  const std::string end1 = R"({"candidates":[{"index":1,"finishReason":"MAX_TOKENS"}]})";
  EXPECT_EQ(read_cut_anywhere(stream({first, end0, end1})),
            "start  \n0 text a\n1 text b\n0 finish 1\n1 finish 3\nend\n");
  EXPECT_EQ(read(std::vector<std::string_view>{stream({first, end0})}),
            "start  \n0 text a\n1 text b\n0 finish 1\nbroken upstream_error\n");
}

TEST(GeminiStream, ACleanEndWithoutFinishReasonIsACutAnswer) {
  EXPECT_EQ(read_cut_anywhere(stream({kFirst})),
            "start r1 gemini-x\n0 text It is\nusage 270 0 cached 0 reasoning 0\n"
            "broken upstream_error\n");
  EXPECT_EQ(read({}), "broken upstream_error\n");
  const std::string bytes = stream({kFirst, kLast});
  EXPECT_EQ(read({std::string_view(bytes).substr(0, bytes.size() - 4)}),
            "start r1 gemini-x\n0 text It is\nusage 270 0 cached 0 reasoning 0\n"
            "broken upstream_error\n")
      << "an event without its blank line does not count";
}

TEST(GeminiStream, ErrorsInMidStreamInEveryWrapping) {
  const std::string error =
      "{\n \"error\": {\n  \"code\": 503,\n  \"message\": \"Over[}loaded\",\n"
      "  \"status\": \"UNAVAILABLE\"\n }\n}";
  const std::string flat = R"({"error":{"code":503,"message":"Over","status":"UNAVAILABLE"}})";
  const std::string expected =
      "start r1 gemini-x\n0 text It is\nusage 270 0 cached 0 reasoning 0\n"
      "failed upstream_overloaded\n";
  for (const std::string& tail : {stream({flat}), stream({"[" + flat + "]"}), flat, error,
                                  "[" + error + "]", "\n," + error + "\n]", error + "\n\n"}) {
    EXPECT_EQ(read_cut_anywhere(stream({kFirst}) + tail), expected) << tail;
  }
}

TEST(GeminiStream, AnErrorAboutTheRequestSaysSo) {
  const auto reader = make_gemini_reader();
  std::vector<model::ChatEvent> events;
  const auto fed = reader->feed(
      stream({R"({"error":{"code":400,"message":"Bad image","status":"INVALID_ARGUMENT"}})"}),
      events);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(fed.error().message, "Bad image");
}

TEST(GeminiStream, MalformedEventsArePassedOver) {
  EXPECT_EQ(read_cut_anywhere("data: {\"candidates\":[\r\n\r\n" + stream({kFirst}) +
                              "event: x\nretry: 7\nhello\n\n" + stream({"null", "[DONE]", "7"}) +
                              stream({kLast})),
            kRead);
  EXPECT_EQ(read_cut_anywhere("data: {\"candidates\":\ndata: []}\n\n" + stream({kLast}, "\n")),
            "start  \n0 text  a cat.\n0 finish 1\nusage 270 6 cached 0 reasoning 0\nend\n")
      << "data lines of one event are one text";
}

TEST(GeminiStream, ABlockedPromptAndABrokenCall) {
  EXPECT_EQ(read_cut_anywhere(stream({R"({"promptFeedback":{"blockReason":"JAILBREAK"}})"})),
            "start  \n0 finish 5\nend\n");
  EXPECT_EQ(
      read_cut_anywhere(stream({R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]})"})),
      "start  \nfailed upstream_unusable_answer\n");
}

TEST(GeminiStream, WordsBehindTheEndAreNotLostInSilence) {
  EXPECT_EQ(read_cut_anywhere(stream({kLast, kFirst})),
            "start r1 gemini-x\n0 text  a cat.\n0 finish 1\nusage 270 6 cached 0 reasoning 0\n"
            "failed upstream_error\n");
  EXPECT_EQ(
      read_cut_anywhere(stream(
          {kLast, R"({"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],)"
                  R"("usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":9}})"})),
      "start r1 gemini-x\n0 text  a cat.\n0 finish 1\nusage 270 6 cached 0 reasoning 0\n"
      "usage 1 9 cached 0 reasoning 0\nend\n")
      << "the last total holds";
}

TEST(GeminiStream, AnImageComesWhole) {
  EXPECT_EQ(read_cut_anywhere(stream({R"({"candidates":[{"content":{"parts":[{"inlineData":)"
                                      R"({"mimeType":"image/png","data":"AAAA"}}]},)"
                                      R"("finishReason":"STOP"}]})"})),
            "start  \n0 image image/png AAAA\n0 finish 1\nend\n");
}

TEST(GeminiStream, AnEndlessEventIsRefused) {
  for (const std::string start : {"data: ", "{", ": "}) {
    const auto reader = make_gemini_reader();
    std::vector<model::ChatEvent> events;
    ASSERT_TRUE(reader->feed(start + std::string(GeminiFrames::kMaxFrame - 100, 'x'), events));
    const auto fed = reader->feed(std::string(200, 'x'), events);
    ASSERT_FALSE(fed) << start;
    EXPECT_EQ(fed.error().kind, ErrorKind::UpstreamFailed);
  }
}

}  // namespace
}  // namespace headgate::providers
