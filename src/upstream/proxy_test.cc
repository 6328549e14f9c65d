#include "upstream/proxy.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace headgate::upstream {
namespace {

ProxySettings with_bypass(std::vector<std::string> rules) {
  ProxySettings settings;
  settings.https = *parse_proxy("http://proxy.example:3128");
  settings.bypass = std::move(rules);
  return settings;
}

bool direct(const ProxySettings& settings, std::string_view url) {
  return settings.proxy_for(parse_url(url)->origin) == nullptr;
}

TEST(Proxy, ReadsUrlsWithCredentials) {
  const auto proxy = parse_proxy("http://ann:p%40ss@Proxy.example:3128/");
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->host, "proxy.example");
  EXPECT_EQ(proxy->port, 3128);
  EXPECT_EQ(proxy->authorization, "Basic YW5uOnBAc3M=");
  EXPECT_EQ(parse_proxy("proxy.example")->port, 80);
  EXPECT_FALSE(parse_proxy("https://proxy.example"));
  EXPECT_FALSE(parse_proxy("socks5://proxy.example"));
  EXPECT_FALSE(parse_proxy("http://"));
  EXPECT_FALSE(parse_proxy("http://a%zz@proxy.example"));
}

TEST(Proxy, IsChosenByScheme) {
  const ProxySettings settings = with_bypass({});
  EXPECT_FALSE(direct(settings, "https://api.example/"));
  EXPECT_TRUE(direct(settings, "http://api.example/"));
}

TEST(Proxy, IsNeverUsedForLoopback) {
  const ProxySettings settings = with_bypass({});
  EXPECT_TRUE(direct(settings, "https://localhost/"));
  EXPECT_TRUE(direct(settings, "https://127.0.0.1:8000/"));
  EXPECT_TRUE(direct(settings, "https://[::1]:8000/"));
}

TEST(Proxy, IsBypassedByRules) {
  EXPECT_TRUE(direct(with_bypass({"*"}), "https://api.example/"));
  EXPECT_TRUE(direct(with_bypass({"example.com"}), "https://example.com/"));
  EXPECT_TRUE(direct(with_bypass({"example.com"}), "https://a.example.com/"));
  EXPECT_TRUE(direct(with_bypass({".example.com"}), "https://a.example.com/"));
  EXPECT_FALSE(direct(with_bypass({"example.com"}), "https://badexample.com/"));
  EXPECT_TRUE(direct(with_bypass({"example.com:8443"}), "https://example.com:8443/"));
  EXPECT_FALSE(direct(with_bypass({"example.com:8443"}), "https://example.com/"));
  EXPECT_TRUE(direct(with_bypass({"10.1.2.3"}), "https://10.1.2.3/"));
  EXPECT_TRUE(direct(with_bypass({"10.0.0.0/8"}), "https://10.1.2.3/"));
  EXPECT_FALSE(direct(with_bypass({"10.0.0.0/16"}), "https://10.1.2.3/"));
  EXPECT_FALSE(direct(with_bypass({"2.3"}), "https://10.1.2.3/"));
  EXPECT_TRUE(direct(with_bypass({"fd00::/8"}), "https://[fd00::1]/"));
  EXPECT_TRUE(direct(with_bypass({"[fd00::1]:444"}), "https://[fd00::1]:444/"));
}

TEST(Proxy, ComesFromTheEnvironmentLowerCaseFirst) {
  ::setenv("HTTPS_PROXY", "http://upper.example:1", 1);
  ::setenv("https_proxy", "http://lower.example:2", 1);
  ::setenv("HTTP_PROXY", "http://plain.example:3", 1);
  ::unsetenv("http_proxy");
  ::setenv("NO_PROXY", "A.example, b.example,,10.0.0.0/8", 1);
  ::unsetenv("no_proxy");

  const auto settings = proxy_from_environment();
  ::setenv("https_proxy", "http://user:secret@", 1);
  const auto bad = proxy_from_environment();
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "NO_PROXY"}) {
    ::unsetenv(name);
  }

  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->https->host, "lower.example");
  EXPECT_EQ(settings->http->host, "plain.example");
  EXPECT_EQ(settings->bypass, (std::vector<std::string>{"a.example", "b.example", "10.0.0.0/8"}));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace headgate::upstream
