#include "documents/mask.h"

#include <gtest/gtest.h>

namespace headgate::documents {

namespace {

TEST(Mask, KeepsTheLastFourDigits) {
  EXPECT_EQ(mask_tin("987-65-4321"), "***-**-4321");
  EXPECT_EQ(mask_tin("98-7654321"), "**-***4321");
  EXPECT_EQ(mask_tin("987654321"), "***-**-4321");
  EXPECT_EQ(mask_tin("12"), "****");
  EXPECT_EQ(mask_account("0047 1182 9935"), "****9935");
  EXPECT_EQ(mask_account("****1234"), "****1234");
}

struct Case {
  std::string_view text;
  std::string_view scrubbed;
};

TEST(Mask, ScrubsNumbersThatIdentify) {
  for (const Case& one : std::initializer_list<Case>{
           {"SSN 987-65-4321 here", "SSN ***-**-4321 here"},
           {"1 987 65 4321", "1 *** ** 4321"},
           {"EIN 98-7654321", "EIN **-***4321"},
           {"Account Number: 0047 1182 9935", "Account Number: **** **** 9935"},
           {"acct no.\n77120045", "acct no.\n****0045"},
           {"card 4111 1111 1111 1111 exp", "card **** **** **** 1111 exp"},
           {"4111111111111111", "************1111"},
           {"IBAN DE89 3704 0044 0532 0130 00", "IBAN **** **** **** **** **30 00"},
           {"Invoice 20417 of 2025-03-18, total 1,234.56",
            "Invoice 20417 of 2025-03-18, total 1,234.56"},
           {"Phone 518-555-0142", "Phone 518-555-0142"},
           {"", ""},
       }) {
    EXPECT_EQ(scrub(one.text), one.scrubbed) << one.text;
  }
}

TEST(Mask, ScrubsKnownSecretsHoweverSpaced) {
  const std::vector<std::string> secrets{"650697653"};
  EXPECT_EQ(scrub("paid from 650697653 and 650 697 653", secrets),
            "paid from *****7653 and *** **7 653");
}

TEST(Mask, TakesLinearTimeOnDigitsWithoutEnd) {
  std::string digits(200'000, '7');
  for (std::size_t i = 3; i < digits.size(); i += 4) {
    digits[i] = ' ';
  }
  EXPECT_EQ(scrub(digits).size(), digits.size());
}

}  // namespace

}  // namespace headgate::documents
