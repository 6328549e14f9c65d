#include "config/webhook_secret.h"

#include <gtest/gtest.h>

namespace headgate::config {
namespace {

TEST(WebhookSecret, IsReadAndWritten) {
  const std::string shortest(24, 'k');
  const std::string longest(64, 'k');
  for (const std::string& bytes : {std::string("\0\xFF", 2) + shortest, shortest, longest}) {
    const auto read = webhook_key(webhook_secret(bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->reveal(), bytes);
  }
}

TEST(WebhookSecret, OfAnyOtherFormIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("whsec_"), std::string("whsec_c2hvcnQ="),
        webhook_secret(std::string(23, 'k')).reveal(),
        webhook_secret(std::string(65, 'k')).reveal(), std::string("whsec_") + std::string(43, 'A'),
        std::string(44, 'A'), "WHSEC_" + webhook_secret(std::string(32, 'k')).reveal().substr(6),
        webhook_secret(std::string(32, 'k')).reveal() + "\n"}) {
    EXPECT_FALSE(webhook_key(Secret(text))) << text;
  }
}

}  // namespace
}  // namespace headgate::config
