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

TEST(TokenHints, KnowHowMuchIsToBeSpokenAndWhoReadsAForm) {
  EXPECT_EQ(hints(R"({"model":"m","input":"a\u00e4\"é\ud83d\ude00"})").characters, 6);
  EXPECT_EQ(hints(R"({"model":"m","input":["a","b"]})").characters, 0);
  const std::string form =
      "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\x01\r\n"
      "--X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nscribe\r\n--X--\r\n";
  EXPECT_EQ(hints(form).model, "scribe");
  EXPECT_EQ(hints(form.substr(0, form.size() - 4)).model, "");
  EXPECT_EQ(hints("--").model, "");
  EXPECT_EQ(hints("--\r\n").model, "");
}

TEST(TokenHints, CountEveryAnswerThatIsGenerated) {
  EXPECT_EQ(hints(R"({"prompt":"a, [\"b\"]","n":2,"best_of":20})").choices, 20);
  EXPECT_EQ(hints(R"({"prompt":["a","b, \"c\"","[d]"],"n":2})").choices, 6);
  EXPECT_EQ(hints(R"({"prompt":[[1,2,3],[4]],"best_of":5})").choices, 10);
  EXPECT_EQ(hints(R"({"prompt":[1,2,3]})").choices, 1);
  EXPECT_EQ(hints(R"({"prompt":[],"n":-5})").choices, 1);
  EXPECT_GE(hints(R"({"best_of":9223372036854775807,"prompt":["a","b"]})").choices, 1'000'000);
}

TEST(TokenHints, ALimitBelowOneIsNone) {
  EXPECT_FALSE(hints(R"({"max_tokens":-1})").max_tokens);
  EXPECT_FALSE(hints(R"({"max_tokens":-1,"max_completion_tokens":1})").max_tokens);
  EXPECT_FALSE(hints(R"({"max_completion_tokens":1,"max_tokens":0})").max_tokens);
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
