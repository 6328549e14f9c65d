#include "sim/saying.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "sim/json.h"

namespace headgate::sim {
namespace {

Behaviour varying() {
  Behaviour behaviour;
  behaviour.vary = true;
  return behaviour;
}

Demand asking(std::string_view text) {
  Demand demand;
  demand.heard(text);
  return demand;
}

TEST(Saying, FollowsFromThePromptOnlyWhenAskedFor) {
  EXPECT_EQ(say(Behaviour{}, asking("a")).text(), say(Behaviour{}, asking("b")).text());
  EXPECT_NE(say(varying(), asking("a")).text(), say(varying(), asking("b")).text());
  EXPECT_EQ(say(varying(), asking("a b")).text(), say(varying(), asking(" a\nb ")).text())
      << "texts that were trimmed or joined on the way are the same";
}

TEST(Saying, GoesOnFromAPrefixWhereverItEnds) {
  std::string whole = say(varying(), asking("a")).text();
  for (std::size_t end = 1; end < whole.size(); ++end) {
    Demand demand = asking("a");
    demand.prefix = whole.substr(0, end);
    EXPECT_EQ(demand.prefix + say(varying(), demand).text(), whole);
  }
}

TEST(Saying, EndsBeforeTheFirstStopSequence) {
  Demand demand;
  demand.stop = {"between", "sta"};
  Saying saying = say(Behaviour{}, demand);
  EXPECT_EQ(saying.text(), "the gate ");
  EXPECT_EQ(saying.stop, Stop::Sequence);
  EXPECT_EQ(saying.stop_sequence, "sta");
}

TEST(Saying, EndsAtItsLimit) {
  Demand demand;
  demand.max_tokens = 2;
  Saying saying = say(Behaviour{}, demand);
  EXPECT_EQ(saying.text(), "the gate");
  EXPECT_EQ(saying.stop, Stop::Length);
  demand.max_tokens = 16;
  EXPECT_EQ(say(Behaviour{}, demand).stop, Stop::End) << "as long as it has to be";
}

TEST(Saying, CallsToolsUntilTheyHaveAnswered) {
  Demand demand;
  demand.tools = {
      {.name = "look", .schema = R"({"type":"object","properties":{"n":{"type":"integer"}}})"}};
  Saying saying = say(Behaviour{}, demand);
  ASSERT_EQ(saying.calls.size(), 1U);
  EXPECT_EQ(saying.calls[0].arguments, R"({"n":7})");
  EXPECT_EQ(saying.stop, Stop::Calls);
  demand.after_tools = true;
  EXPECT_TRUE(say(Behaviour{}, demand).calls.empty());
}

TEST(Saying, CutsTextBetweenCharacters) {
  std::string text =
      "a\xc3\xa9\xe2\x82\xac"
      "b";
  for (std::size_t size = 1; size < 6; ++size) {
    auto pieces = cut_text(text, size);
    EXPECT_EQ(joined(pieces), text);
    for (const std::string& piece : pieces) {
      EXPECT_NE(static_cast<unsigned char>(piece.front()) & 0xc0, 0x80);
    }
  }
}

TEST(Example, FitsItsSchemaAndEndsWhereTheSchemaDoesNot) {
  auto schema = parse_object(
      R"({"type":"object","properties":{"a":{"type":["string","null"]},"b":{"const":5},
          "c":{"anyOf":[{"type":"BOOLEAN"}]},"d":{"type":"array","items":{"enum":["x","y"]}}}})");
  ASSERT_TRUE(schema);
  EXPECT_EQ(example_of(*schema, "w"), R"({"a":"w","b":5,"c":true,"d":["x"]})");
  std::string deep = R"({"type":"string"})";
  for (int i = 0; i < 40; ++i) {
    deep = R"({"type":"array","items":)" + deep + "}";
  }
  auto nested = parse_object(deep);
  ASSERT_TRUE(nested);
  EXPECT_NE(example_of(*nested, "w").find("null"), std::string::npos);
}

}  // namespace
}  // namespace headgate::sim
