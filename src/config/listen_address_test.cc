#include "config/listen_address.h"

#include <gtest/gtest.h>

namespace headgate::config {
namespace {

TEST(ListenAddress, ParsesAddressesWithAPort) {
  struct Case {
    const char* text;
    const char* shown;
    bool loopback;
  };
  const Case cases[] = {
      {"127.0.0.1:8080", "127.0.0.1:8080", true},
      {"localhost:80", "127.0.0.1:80", true},
      {"[::1]:0", "[::1]:0", true},
      {"[::]:8443", "[::]:8443", false},
      {"*:8080", "0.0.0.0:8080", false},
      {"0.0.0.0:65535", "0.0.0.0:65535", false},
  };
  for (const Case& test : cases) {
    const auto listen = ListenAddress::parse(test.text);
    ASSERT_TRUE(listen) << test.text;
    EXPECT_EQ(listen->text(), test.shown);
    EXPECT_EQ(listen->address.is_loopback(), test.loopback);
  }
}

TEST(ListenAddress, RefusesWhatCannotBeBound) {
  for (const char* bad : {"", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                          "127.0.0.1:-1", "127.0.0.1:80x", "::1:80", "[127.0.0.1]:80", "[]:80",
                          "example.com:80", "127.0.0.1:000080", "[::1:80"}) {
    EXPECT_FALSE(ListenAddress::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace headgate::config
