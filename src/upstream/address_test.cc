#include "upstream/address.h"

#include <gtest/gtest.h>

namespace headgate::upstream {
namespace {

TEST(Address, ReadsCanonicalLiteralsOnly) {
  for (const std::string_view good :
       {"1.2.3.4", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::17", "::ffff:1.2.3.4"}) {
    EXPECT_TRUE(parse_address(good)) << good;
  }
  for (const std::string_view bad :
       {"", "1.2.3", "1.2.3.4.5", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "00.0.0.0",
        "2130706433", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ", "[::1]", "::1%lo", "fe80::1%1",
        ":::", "1.2.3.4:80"}) {
    EXPECT_FALSE(parse_address(bad)) << bad;
  }
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)));
  EXPECT_EQ(parse_address("2001:0DB8::0017")->text(), "2001:db8::17");
}

TEST(Address, LetsGlobalUnicastPass) {
  for (const std::string_view good :
       {"1.1.1.1",         "8.8.8.8",         "9.255.255.255",      "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",     "126.255.255.255",    "128.0.0.1",
        "169.253.255.255", "169.255.0.0",     "172.15.255.255",     "172.32.0.0",
        "192.167.255.255", "192.169.0.0",     "198.17.255.255",     "198.20.0.0",
        "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::8a", "2001:4860:4860::8888"}) {
    EXPECT_TRUE(check_address(*parse_address(good))) << good;
  }
}

TEST(Address, RefusesEverythingThatIsNotGlobal) {
  for (const std::string_view bad :
       {// loopback, "this", private, link-local, metadata, shared
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
        "172.31.255.255", "192.168.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
        "100.100.100.200", "100.127.255.255", "168.63.129.16", "192.0.0.192",
        // documentation, benchmarking, relays, multicast, reserved, broadcast
        "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        // IPv6: unspecified, loopback, unique local, link-local, site-local, multicast, discard
        "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1",
        // every IPv6 form that carries an IPv4 address
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1",
        // documentation, benchmarking, ORCHID, 6bone
        "2001:db8::1", "2001:2::1", "2001:10::1", "2001:20::1", "3ffe::1", "3fff::1", "5f00::1"}) {
    const auto allowed = check_address(*parse_address(bad));
    ASSERT_FALSE(allowed) << bad;
    EXPECT_EQ(allowed.error().kind, ErrorKind::InvalidRequest) << bad;
    EXPECT_EQ(allowed.error().code, "url_not_allowed") << bad;
    EXPECT_EQ(allowed.error().message.find(bad), std::string::npos) << "leaks the address";
  }
}

}  // namespace
}  // namespace headgate::upstream
