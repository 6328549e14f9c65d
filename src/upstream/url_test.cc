#include "upstream/url.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::upstream {
namespace {

TEST(Url, IsReadIntoOriginAndTarget) {
  const auto url = parse_url("HTTPS://Api.Example.com:8443/v1/chat?x=%20y#part");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->origin,
            (Origin{.scheme = Scheme::Https, .host = "api.example.com", .port = 8443}));
  EXPECT_EQ(url->target, "/v1/chat?x=%20y");
  EXPECT_EQ(url->text(), "https://api.example.com:8443/v1/chat?x=%20y");
}

TEST(Url, KnowsDefaultPortsAndAuthorities) {
  EXPECT_EQ(parse_url("http://a.example")->origin.authority(), "a.example");
  EXPECT_EQ(parse_url("http://a.example")->target, "/");
  EXPECT_EQ(parse_url("http://a.example?q")->target, "/?q");
  EXPECT_EQ(parse_url("https://a.example:443")->origin.authority(), "a.example");
  EXPECT_EQ(parse_url("https://a.example:80")->origin.authority(), "a.example:80");
  EXPECT_EQ(parse_url("https://a.example./x")->origin.host, "a.example");
  EXPECT_EQ(parse_url("http://[2001:DB8::1]:81/")->origin.authority(), "[2001:db8::1]:81");
  EXPECT_EQ(parse_url("http://[::1]/")->origin.authority(), "[::1]");
  EXPECT_EQ(parse_url("http://model_server-1:8000/")->origin.host, "model_server-1");
}

TEST(Url, RefusesWhatReadersDisagreeOn) {
  for (const std::string_view bad : {"",
                                     "api.example.com/v1",
                                     "//a.example/",
                                     "ftp://a.example/",
                                     "file:///etc/passwd",
                                     "javascript:alert(1)",
                                     "https:/a.example",
                                     "https://",
                                     "https:///x",
                                     "https://user@a.example/",
                                     "https://user:secret@a.example/",
                                     "https://a.example@127.0.0.1/",
                                     "https://a.example\\@b.example/",
                                     "https://a.example\\b",
                                     "https://a..example/",
                                     "https://.a.example/",
                                     "https://-a.example/",
                                     "https://a-.example/",
                                     "https://a b.example/",
                                     "https://a.example /",
                                     "https://a.example/ x",
                                     "https://a.example/\x01",
                                     "https://a.example/\r\nHost: b",
                                     "https://a.example/%",
                                     "https://a.example/%2",
                                     "https://a.example/%zz",
                                     "https://a.example/\xC3\xA4",
                                     "https://b\xC3\xBC"
                                     "cher.example/",
                                     "https://127.1/",
                                     "https://127.0.0.1./",
                                     "https://0x7f000001/",
                                     "https://0x7f.0.0.1/",
                                     "https://0177.0.0.1/",
                                     "https://2130706433/",
                                     "https://017700000001/",
                                     "https://1.2.3.256/",
                                     "https://a.1/",
                                     "https://a.0x/",
                                     "https://%31%32%37.0.0.1/",
                                     "https://[::1/",
                                     "https://[127.0.0.1]/",
                                     "https://[fe80::1%25eth0]/",
                                     "https://[::1]x/",
                                     "https://::1/",
                                     "https://a.example:/",
                                     "https://a.example:0/",
                                     "https://a.example:65536/",
                                     "https://a.example:+80/",
                                     "https://a.example:80:80/",
                                     "https://a.example:8a/"}) {
    const auto url = parse_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().kind, ErrorKind::InvalidRequest);
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
  }
  EXPECT_FALSE(parse_url("https://a.example/" + std::string(8192, 'a')));
}

TEST(Url, BaseUrlsEndWithoutSlashAndHaveNoQuery) {
  EXPECT_EQ(parse_base_url("http://127.0.0.1:8000/v1/")->target, "/v1");
  EXPECT_EQ(parse_base_url("http://127.0.0.1:8000")->target, "");
  EXPECT_FALSE(parse_base_url("http://127.0.0.1:8000/v1?key=x"));
  EXPECT_FALSE(parse_base_url("http://127.0.0.1:8000/v1#x"));
}

TEST(Url, ResolvesRedirectTargets) {
  const Url base = *parse_url("https://a.example:444/one/two?old");
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"http://b.example/x", "http://b.example/x"},
      {"//b.example/x", "https://b.example/x"},
      {"/three", "https://a.example:444/three"},
      {"three", "https://a.example:444/one/three"},
      {"?new", "https://a.example:444/one/two?new"},
      {"../../../up?q#f", "https://a.example:444/up?q"},
      {"./a/./b/..", "https://a.example:444/one/a/"},
      {"/a/../../b", "https://a.example:444/b"},
  };
  for (const auto& [reference, expected] : cases) {
    const auto url = resolve_reference(base, reference);
    ASSERT_TRUE(url) << reference;
    EXPECT_EQ(url->text(), expected) << reference;
  }
  for (const std::string_view bad :
       {"javascript:x", "//user@b.example/", "/a b", "/a\r\nX: y", "\\\\b.example", "//0x7f.1/"}) {
    EXPECT_FALSE(resolve_reference(base, bad)) << bad;
  }
}

}  // namespace
}  // namespace headgate::upstream
