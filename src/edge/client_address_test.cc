#include "edge/client_address.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::edge {
namespace {

std::string address_of(std::string_view peer, const std::vector<std::string_view>& lines,
                       const std::vector<std::string>& trusted = {"10.0.0.0/8", "fd00::/8"}) {
  std::vector<Field> fields = {{"Host", "gateway"}};
  for (const std::string_view line : lines) {
    fields.push_back({"X-Forwarded-For", line});
  }
  Request request;
  request.fields = fields;
  return client_address(peer, request, *config::CidrSet::parse(trusted));
}

TEST(ClientAddress, IsThePeerUnlessThePeerIsATrustedProxy) {
  EXPECT_EQ(address_of("203.0.113.9", {"1.2.3.4"}), "203.0.113.9") << "a spoofed header";
  EXPECT_EQ(address_of("10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(address_of("10.0.0.1", {"1.2.3.4"}, {}), "10.0.0.1");
}

TEST(ClientAddress, IsTheLastEntryThatIsNoTrustedProxy) {
  EXPECT_EQ(address_of("10.0.0.1", {"1.2.3.4"}), "1.2.3.4");
  EXPECT_EQ(address_of("10.0.0.1", {"6.6.6.6, 1.2.3.4, 10.9.9.9"}), "1.2.3.4")
      << "what the client itself claimed stands further left";
  EXPECT_EQ(address_of("10.0.0.1", {"6.6.6.6", "1.2.3.4", "10.1.1.1, 10.2.2.2"}), "1.2.3.4")
      << "several field lines are one list";
  EXPECT_EQ(address_of("10.0.0.1", {"10.0.0.3, 10.0.0.2"}), "10.0.0.3") << "all are proxies";
}

TEST(ClientAddress, TakesTheFormsThatProxiesWrite) {
  EXPECT_EQ(address_of("10.0.0.1", {"1.2.3.4:5678"}), "1.2.3.4");
  EXPECT_EQ(address_of("10.0.0.1", {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(address_of("10.0.0.1", {"[2001:db8::1]:443"}), "2001:db8::1");
  EXPECT_EQ(address_of("10.0.0.1", {"\"[2001:db8::1]\""}), "2001:db8::1");
  EXPECT_EQ(address_of("fd00::1", {" 1.2.3.4 "}), "1.2.3.4");
  EXPECT_EQ(address_of("::ffff:10.0.0.1", {"1.2.3.4"}), "1.2.3.4");
}

TEST(ClientAddress, StopsAtWhatIsNoAddress) {
  for (const std::string_view bad :
       {"unknown", "", "1.2.3", "[::1", "1.2.3.4.5", "_hidden", "1.2.3.4 5.6.7.8",
        "1.2.3.4:", "1.2.3.4:http", "1.2.3.4:123456", "[2001:db8::1]x", "[2001:db8::1]:", "[]",
        "[1.2.3.4", "\"1.2.3.4"}) {
    const std::string line = "6.6.6.6, " + std::string(bad) + ", 10.0.0.2";
    EXPECT_EQ(address_of("10.0.0.1", {line}), "10.0.0.2") << bad;
    EXPECT_EQ(address_of("10.0.0.1", {bad}), "10.0.0.1") << bad;
  }
}

}  // namespace
}  // namespace headgate::edge
