#include "sim/request.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::sim {
namespace {

TEST(RequestHead, ReadsWhatMatters) {
  auto head = parse_request_head(
      "POST /v1/models?x=1 HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 12\r\nConnection: Close\r\n"
      "Authorization: Bearer k\r\nExpect: 100-continue\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->path(), "/v1/models");
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_EQ(head->authorization, "Bearer k");
  EXPECT_TRUE(head->close);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_FALSE(head->chunked);
}

TEST(RequestHead, RefusesWhatIsNotHttp) {
  EXPECT_FALSE(parse_request_head("hello\r\n"));
  EXPECT_FALSE(parse_request_head("GET / HTTP/2.0\r\n"));
  EXPECT_FALSE(parse_request_head("GET / HTTP/1.1\r\nno colon\r\n"));
  EXPECT_FALSE(parse_request_head("GET / HTTP/1.1\r\ncontent-length: 1x\r\n"));
}

TEST(ChunkReader, ReadsTheSameByteByByte) {
  std::string wire = "5;ext=1\r\nhello\r\n3\r\n\r\n!\r\n0\r\ntrailer: x\r\n\r\n";
  ChunkReader reader;
  std::string input;
  std::string body;
  for (char c : wire) {
    input += c;
    for (auto step = reader.step(input); step.consumed > 0; step = reader.step(input)) {
      body += step.data;
      input.erase(0, step.consumed);
    }
  }
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(body, "hello\r\n!");
}

TEST(ChunkReader, FailsOnJunk) {
  ChunkReader reader;
  reader.step("zz\r\n");
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace headgate::sim
