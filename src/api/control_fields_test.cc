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

TEST(ControlFields, CacheControlAsksForLessInAnyNumberOfFields) {
  using Use = model::CacheWish::Use;
  EXPECT_EQ(read({{"Accept", "*/*"}})->cache.use, Use::Full);
  EXPECT_EQ(read({{"Cache-Control", "max-age=60, only-if-cached"}})->cache.use, Use::Full);
  EXPECT_EQ(read({{"cache-control", "No-Cache"}})->cache.use, Use::Fresh);
  EXPECT_EQ(read({{"Cache-Control", "max-age=0"}})->cache.use, Use::Fresh);
  EXPECT_EQ(read({{"Cache-Control", "no-transform ,\tno-store"}})->cache.use, Use::None);
  EXPECT_EQ(read({{"Cache-Control", "no-store,no-cache"}})->cache.use, Use::None);
  EXPECT_EQ(read({{"Cache-Control", "no-store"}, {"Cache-Control", "no-cache"}})->cache.use,
            Use::None);
  EXPECT_EQ(read({{"Cache-Control", ",,"}, {"X-Cache-Ctrl!", "no-store"}})->cache.use, Use::Full);
}

TEST(ControlFields, XHeadgateCacheIsAllOrRefused) {
  EXPECT_FALSE(read({{"Accept", "*/*"}})->cache.any);
  EXPECT_TRUE(read({{"x-headgate-cache", "All"}})->cache.any);
  const auto wrong = read({{"X-Headgate-Cache", "on"}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().param, "X-Headgate-Cache");
  EXPECT_FALSE(read({{"X-Headgate-Cache", "all"}, {"X-Headgate-Cache", "all"}}));
}

TEST(ControlFields, WhatMayBeRepeatedMay) {
  EXPECT_TRUE(read({{"Prefer", "wait=1"}, {"Prefer", "respond-async"}}));
  EXPECT_TRUE(read({{"Accept", "a/b"}, {"Accept", "c/d"}, {"Cookie", "a"}, {"Cookie", "b"}}));
}

}  // namespace
}  // namespace headgate::api
