#include "api/token_hints.h"

#include <gtest/gtest.h>

#include "edge/handler.h"

namespace headgate::api {
namespace {

TokenHints hints(std::string body) {
  const std::size_t size = body.size();
  body.append(edge::kBodyPadding, '\0');
  return read_token_hints(std::string_view(body).substr(0, size));
}

TEST(TokenHints, AreReadFromTheOutermostObject) {
  const TokenHints all =
      hints(R"({"model":"gpt","messages":[{"n":9,"max_tokens":9}],"max_tokens":7,"n":3})");
  EXPECT_EQ(all.model, "gpt");
  EXPECT_EQ(all.max_tokens, 7);
  EXPECT_EQ(all.choices, 3);
  const TokenHints none = hints(R"({"model":"g\u0070t","max_tokens":null})");
  EXPECT_EQ(none.model, "gpt");
  EXPECT_FALSE(none.max_tokens);
  EXPECT_EQ(none.choices, 1);
  EXPECT_EQ(hints(R"({"max_tokens":5,"max_completion_tokens":9})").max_tokens, 9);
  EXPECT_EQ(hints(R"({"max_output_tokens":9})").max_tokens, 9);
}

TEST(TokenHints, AreMissingWhereTheBodyIsNoSuchRequest) {
  for (const char* body : {"", "[]", "{", R"({"model":7,"max_tokens":"x","n":1.5})", "\xff"}) {
    const TokenHints none = hints(body);
    EXPECT_EQ(none.model, "") << body;
    EXPECT_FALSE(none.max_tokens) << body;
    EXPECT_EQ(none.choices, 1) << body;
  }
}

}  // namespace
}  // namespace headgate::api
