#include "base/encoding.h"

#include <cstdint>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/ids.h"

namespace headgate {
namespace {

TEST(Encoding, Base64IsStrict) {
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(decode_base64("Zm9v"), "foo");
  EXPECT_EQ(decode_base64("Zm8="), "fo");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_FALSE(decode_base64("Zm8"));
  EXPECT_FALSE(decode_base64("Zm9v\n"));
  EXPECT_FALSE(decode_base64("Zm9-"));
  EXPECT_EQ(decode_base64url("Zm8"), "fo");
  EXPECT_FALSE(decode_base64url("Zm8="));
}

TEST(Encoding, PercentDecodingRefusesBadEscapes) {
  EXPECT_EQ(decode_percent("a%2Fb+c", PercentMode::Url), "a/b+c");
  EXPECT_EQ(decode_percent("a%2fb+c", PercentMode::Form), "a/b c");
  EXPECT_FALSE(decode_percent("%", PercentMode::Url));
  EXPECT_FALSE(decode_percent("%4", PercentMode::Url));
  EXPECT_FALSE(decode_percent("%zz", PercentMode::Url));
}

TEST(Encoding, Utf8RefusesSurrogatesAndOverlongForms) {
  EXPECT_TRUE(is_utf8("gr\xC3\xBC\xC3\x9F \xF0\x9F\x99\x82"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));
  EXPECT_FALSE(is_utf8("\xE2\x82"));
  EXPECT_FALSE(is_utf8("\xF5\x80\x80\x80"));
}

TEST(Encoding, JsonQuoteEscapesControlsAndRepairsUtf8) {
  EXPECT_EQ(json_quote("a\"b\\c\n\x01\xFF"), "\"a\\\"b\\\\c\\n\\u0001\xEF\xBF\xBD\"");
}

TEST(Encoding, JsonQuoteKeepsAndEscapesEachByteWhereverItStands) {
  for (int c = 0; c < 0x80; ++c) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x');
      text[at] = static_cast<char>(c);
      const std::string whole = json_quote(text);
      const std::string alone = json_quote(std::string(1, static_cast<char>(c)));
      std::string expected = "\"" + std::string(at, 'x');
      expected.append(alone, 1, alone.size() - 2).append(19 - at, 'x').append("\"");
      EXPECT_EQ(whole, expected) << c << " at " << at;
      const bool escaped = c < ' ' || c == 0x7F || c == '"' || c == '\\';
      EXPECT_EQ(alone.size() > 3, escaped) << c;
    }
  }
  EXPECT_EQ(json_quote("1234567\xFF\xC3\xBC"
                       "89012345"),
            "\"1234567\xEF\xBF\xBD\xC3\xBC"
            "89012345\"");
}

TEST(Encoding, Rfc3339KnowsLeapDaysAndTheEndsOfItsCalendar) {
  EXPECT_EQ(rfc3339(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(rfc3339(4'107'542'399'999), "2100-02-28T23:59:59.999Z");
  EXPECT_EQ(rfc3339(4'107'542'400'000), "2100-03-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(INT64_MAX), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(INT64_MIN), "0000-01-01T00:00:00.000Z");
}

TEST(Encoding, Rfc3339HasMillisecondsAlsoBefore1970) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1768496400123), "2026-01-15T17:00:00.123Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Ids, RandomBitsSetEveryBitAndNeverRepeat) {
  std::set<std::uint64_t> seen;
  std::uint64_t ever = 0;
  std::uint64_t always = ~std::uint64_t{0};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t bits = random_bits();
    seen.insert(bits);
    ever |= bits;
    always &= bits;
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(ever, ~std::uint64_t{0});
  EXPECT_EQ(always, 0U);
}

TEST(Ids, UuidV7HasVersionVariantAndGrows) {
  const std::string a = uuid_v7();
  EXPECT_EQ(a.size(), 36U);
  EXPECT_EQ(a[14], '7');
  EXPECT_NE(std::string("89ab").find(a[19]), std::string::npos);
  EXPECT_NE(a, uuid_v7());
  EXPECT_EQ(random_base62(43).size(), 43U);
}

TEST(Hash, MatchesPublishedVectors) {
  EXPECT_EQ(hex(as_view(sha256("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(as_view(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_TRUE(equal_in_constant_time("same", "same"));
  EXPECT_FALSE(equal_in_constant_time("same", "sama"));
  EXPECT_FALSE(equal_in_constant_time("same", "sam"));
}

TEST(Encoding, CaseIsIgnoredForAsciiLettersOnlyAtEveryPlace) {
  const auto small = [](int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
  for (std::size_t at = 0; at < 11; ++at) {
    for (int x = 0; x < 256; ++x) {
      for (int y = 0; y < 256; ++y) {
        std::string a(11, '-');
        std::string b(11, '-');
        a[at] = static_cast<char>(x);
        b[at] = static_cast<char>(y);
        ASSERT_EQ(ascii_equal_ignore_case(a, b), small(x) == small(y)) << x << " and " << y;
      }
    }
  }
  EXPECT_FALSE(ascii_equal_ignore_case("abc", "abcd"));
  EXPECT_TRUE(ascii_starts_with_ignore_case("Application/JSON; x", "application/json"));
  EXPECT_FALSE(ascii_starts_with_ignore_case("app", "application/json"));
}

}  // namespace
}  // namespace headgate
