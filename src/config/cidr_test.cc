#include "config/cidr.h"

#include <gtest/gtest.h>

namespace headgate::config {
namespace {

TEST(Cidr, ContainsAddressesOfItsRangeAndFamilyOnly) {
  struct Case {
    const char* range;
    const char* address;
    bool inside;
  };
  const Case cases[] = {
      {"10.0.0.0/8", "10.255.1.2", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.1.2.3/8", "10.9.9.9", true},
      {"192.168.4.0/22", "192.168.7.255", true},
      {"192.168.4.0/22", "192.168.8.0", false},
      {"203.0.113.7", "203.0.113.7", true},
      {"203.0.113.7", "203.0.113.8", false},
      {"0.0.0.0/0", "8.8.8.8", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "8.8.8.8", false},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fe00::1", false},
      {"2001:db8::/33", "2001:db8:7fff::", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"10.0.0.0/8", "::ffff:10.0.0.1", true},
      {"::ffff:10.0.0.0/104", "10.4.5.6", true},
  };
  for (const Case& test : cases) {
    const auto range = Cidr::parse(test.range);
    const auto address = IpAddress::parse(test.address);
    ASSERT_TRUE(range && address) << test.range << " " << test.address;
    EXPECT_EQ(range->contains(*address), test.inside) << test.range << " " << test.address;
  }
}

TEST(Cidr, MalformedRangesAreRefused) {
  for (const char* bad :
       {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "::/129",
        "::ffff:10.0.0.0/8", "localhost", "10.0.0.0/8/8", "[::1]", "fe80::1%eth0", "010.0.0.1"}) {
    EXPECT_FALSE(Cidr::parse(bad)) << bad;
  }
  EXPECT_FALSE(Cidr::parse(std::string_view("10.0.0.1\0x", 10)));
}

TEST(Cidr, LoopbackAndUnspecifiedAreRecognised) {
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::ffff:127.0.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("10.0.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_FALSE(IpAddress::parse("::1")->is_unspecified());
}

TEST(Cidr, ASetContainsWhatAnyOfItsRangesContains) {
  const auto set = CidrSet::parse({"10.0.0.0/8", "fd00::/8"});
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->contains("10.1.1.1"));
  EXPECT_TRUE(set->contains("fd00::5"));
  EXPECT_FALSE(set->contains("192.0.2.1"));
  EXPECT_FALSE(set->contains("not an address"));
  EXPECT_TRUE(CidrSet().empty());
  EXPECT_FALSE(CidrSet().contains("10.1.1.1"));

  const auto bad = CidrSet::parse({"10.0.0.0/8", "10.0.0.0/99"});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("10.0.0.0/99"), std::string::npos);
}

}  // namespace
}  // namespace headgate::config
