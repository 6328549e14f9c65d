#include "api/job_events.h"

#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "providers/sse_splitter.h"

namespace headgate::api {
namespace {

const std::string kPretty = "{\n  \"text\": \"a\\nb\",\r\n\r\n  \"n\": 1\r}";

TEST(JobEvents, EachLineOfTheDataIsADataLine) {
  std::string text;
  append_sse_event(text, {.n = 7, .type = "delta", .data = kPretty});
  EXPECT_EQ(text,
            "id: 7\nevent: delta\ndata: {\ndata:   \"text\": \"a\\nb\",\ndata: \ndata:   \"n\": 1\n"
            "data: }\n\n");
}

TEST(JobEvents, AReaderGetsWhatWasSentAndNotOneEventMore) {
  std::string text;
  append_sse_event(text, {.n = 1, .type = "delta", .data = kPretty});
  append_sse_event(text, {.n = 2, .type = "status", .data = R"({"status":"succeeded"})"});
  providers::SseSplitter splitter;
  ASSERT_TRUE(splitter.feed(text));
  const auto first = splitter.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(boost::json::parse(first->data), boost::json::parse(kPretty));
  const auto second = splitter.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->event, "status");
  EXPECT_EQ(second->data, R"({"status":"succeeded"})");
  EXPECT_FALSE(splitter.next());
}

TEST(JobEvents, AMessageIsOneJsonObjectWhateverLinesItsDataHas) {
  const auto message =
      boost::json::parse(socket_message({.n = 7, .type = "delta", .data = kPretty}));
  EXPECT_EQ(message.at("id"), 7);
  EXPECT_EQ(message.at("type"), "delta");
  EXPECT_EQ(message.at("data"), boost::json::parse(kPretty));
}

}  // namespace
}  // namespace headgate::api
