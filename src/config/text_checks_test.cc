#include "config/text_checks.h"

#include <gtest/gtest.h>

namespace headgate::config {
namespace {

TEST(TextChecks, BaseUrlsArePlainHttpUrls) {
  for (const char* good : {"", "http://127.0.0.1:8000/v1", "https://api.openai.com/v1",
                           "https://[::1]:8443", "http://model-server"}) {
    EXPECT_FALSE(check_base_url(good)) << good;
  }
  for (const char* bad : {"api.openai.com", "ftp://host", "http://", "http://user:pw@host/",
                          "http://host:70000", "http://host:", "http://ho st/", "http://host/?q=1",
                          "http://host/#x", "http://[::1", "http://[nope]/", "http://h/\n"}) {
    EXPECT_TRUE(check_base_url(bad)) << bad;
  }
}

TEST(TextChecks, OriginsHaveNoPath) {
  for (const char* good : {"*", "https://app.example.com", "http://localhost:3000"}) {
    EXPECT_FALSE(check_origin(good)) << good;
  }
  for (const char* bad : {"", "app.example.com", "https://app.example.com/", "ftp://a", "null"}) {
    EXPECT_TRUE(check_origin(bad)) << bad;
  }
}

TEST(TextChecks, HostsNamesPathsAndLanguagesAreAlone) {
  EXPECT_FALSE(check_host("files.example.com"));
  EXPECT_FALSE(check_host("10.0.0.7"));
  EXPECT_FALSE(check_host("fd00::7"));
  for (const char* bad : {"", "http://x", "x:80", "x/y", "x y"}) {
    EXPECT_TRUE(check_host(bad)) << bad;
  }
  EXPECT_FALSE(check_name("google/gemma-3-4b-it:free@1"));
  EXPECT_TRUE(check_name(""));
  EXPECT_TRUE(check_name("two words"));
  EXPECT_TRUE(check_name(std::string(129, 'x')));
  EXPECT_FALSE(check_url_path("/health"));
  EXPECT_TRUE(check_url_path("health"));
  EXPECT_FALSE(check_language("chi_sim"));
  EXPECT_TRUE(check_language("../eng"));
}

TEST(TextChecks, MaskingHidesPasswordsInUrls) {
  struct Case {
    const char* url;
    const char* masked;
  };
  const Case cases[] = {
      {"sqlite:", "sqlite:"},
      {"redis://host:6379/0", "redis://host:6379/0"},
      {"redis://:pw@host:6379/0", "redis://:***@host:6379/0"},
      {"postgres://u:p@ss/w?rd@host/db", "postgres://u:***@host/db"},
      {"postgres://u@host/db?password=pw&x=1", "postgres://u@host/db?password=***&x=1"},
      {"postgres://host/db?password=pw", "postgres://host/db?password=***"},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(mask_url(test.url), test.masked);
  }
}

}  // namespace
}  // namespace headgate::config
