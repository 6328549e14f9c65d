#include "api/control_fields.h"

#include <vector>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

Result<ControlFields> read(const std::vector<edge::Field>& fields) {
  edge::Request request;
  request.fields = fields;
  return read_control_fields(request);
}

TEST(ControlFields, AreFoundInAnyCase) {
  const auto found = read({{"Host", "x"},
                           {"x-priority", "high"},
                           {"IDEMPOTENCY-KEY", "k"},
                           {"X-Webhook-Url", "https://hooks.example/"},
                           {"x-request-timeout", "5"},
                           {"prefer", "wait=1"}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->priority, "high");
  EXPECT_EQ(found->idempotency_key, "k");
  EXPECT_EQ(found->webhook_url, "https://hooks.example/");
  EXPECT_EQ(found->request_timeout, "5");
  EXPECT_TRUE(found->prefers);
  EXPECT_FALSE(read({{"X-Prefer", "x"}, {"Accept", "*/*"}})->prefers);
}

TEST(ControlFields, OneThatIsGivenTwiceIsNamed) {
  for (const char* name : {"X-Priority", "Idempotency-Key", "X-Webhook-URL", "X-Client-ID",
                           "X-Resolution", "Content-Type", "X-Job-Start-Within",
                           "X-Job-Finish-Within", "Last-Event-ID", "X-Request-Timeout"}) {
    EXPECT_TRUE(read({{name, "1s"}})) << name;
    const std::string lower = ascii_lower(name);
    const auto twice = read({{name, "1s"}, {"Accept", "*/*"}, {lower, "1s"}});
    ASSERT_FALSE(twice) << name;
    EXPECT_EQ(twice.error().kind, ErrorKind::InvalidRequest);
    EXPECT_EQ(twice.error().param, name);
    EXPECT_NE(twice.error().message.find(name), std::string::npos);
  }
}

TEST(ControlFields, WhatMayBeRepeatedMay) {
  EXPECT_TRUE(read({{"Prefer", "wait=1"}, {"Prefer", "respond-async"}}));
  EXPECT_TRUE(read({{"Accept", "a/b"}, {"Accept", "c/d"}, {"Cookie", "a"}, {"Cookie", "b"}}));
}

}  // namespace
}  // namespace headgate::api
