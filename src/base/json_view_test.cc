#include "base/json_view.h"

#include <string>

#include <gtest/gtest.h>

#include "base/json_writer.h"

namespace headgate {
namespace {

TEST(JsonView, MembersAreFoundWhateverStandsAroundThem) {
  const JsonView root(R"(  { "a" : {"b":[1, 2 ,{"c":"}]"}]}, "text":"\"a\":1" , "last" : null } )");
  EXPECT_EQ(root["a"]["b"].raw(), R"([1, 2 ,{"c":"}]"}])");
  ASSERT_EQ(root["a"]["b"].items().size(), 3U);
  EXPECT_EQ(root["a"]["b"].items()[1].integer(), 2);
  EXPECT_EQ(root["a"]["b"].items()[2]["c"].text(), "}]");
  EXPECT_EQ(root["text"].text(), "\"a\":1");
  EXPECT_EQ(root["last"].type(), JsonView::Type::Null);
  EXPECT_FALSE(root["last"].given());
  EXPECT_EQ(root["none"].type(), JsonView::Type::Missing);
  EXPECT_EQ(root["text"]["x"].type(), JsonView::Type::Missing) << "a string has no members";
  const JsonObject found = root;
  ASSERT_EQ(found.members().size(), 3U);
  EXPECT_EQ(found.members()[2].name, "last");
  EXPECT_EQ(found["a"].raw(), root["a"].raw());
  EXPECT_EQ(found["none"].type(), JsonView::Type::Missing);
}

TEST(JsonView, EmptyContainersHaveNothingInThem) {
  EXPECT_TRUE(JsonView("{}").members().empty());
  EXPECT_TRUE(JsonView("[ ]").items().empty());
  EXPECT_TRUE(JsonView("{ }")["a"].raw().empty());
}

TEST(JsonView, EscapesOfStringsAndNamesAreUndone) {
  EXPECT_EQ(JsonView(R"("a\\\"\/\b\f\n\r\t")").text(), "a\\\"/\b\f\n\r\t");
  EXPECT_EQ(JsonView(R"("\u00e9\u20AC\ud83d\ude00\u0041")").text(), "é€😀A");
  EXPECT_EQ(JsonView(R"("\ud83dx")").text(), "\xEF\xBF\xBDx") << "half of a pair";
  EXPECT_EQ(JsonView(R"({"na\u006de":7})")["name"].integer(), 7);
  EXPECT_EQ(JsonView(R"({"a":"ends in \\","b":1})")["b"].integer(), 1);
}

TEST(JsonView, NumbersAreReadOnlyAsWhatTheyAre) {
  EXPECT_EQ(JsonView("9223372036854775807").integer(), INT64_MAX);
  EXPECT_FALSE(JsonView("9223372036854775808").integer());
  EXPECT_FALSE(JsonView("1.0").integer());
  EXPECT_EQ(JsonView("-2.5e1").number(), -25.0);
  EXPECT_FALSE(JsonView(R"("1")").number());
  EXPECT_FALSE(JsonView(R"("1")").integer());
  EXPECT_EQ(JsonView("true").boolean(), true);
  EXPECT_EQ(JsonView("false").boolean(), false);
  EXPECT_FALSE(JsonView("null").boolean());
}

TEST(JsonView, BrokenTextIsReadWithoutHarm) {
  const std::string whole = R"({"a":[1,{"b":"\u00e9\\"},null],"c":{"d":tru}})";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    const JsonView root(cut);
    for (const JsonMember& member : root.members()) {
      EXPECT_LE(member.value.raw().size(), cut.size());
      for (const JsonView& item : member.value.items()) {
        EXPECT_LE(item["b"].text().value_or("").size(), cut.size());
      }
    }
  }
  for (const char* junk : {"", "]", "}", ",", "{,,,}", "[:]", "\"", "{\"", R"("\)", R"("\u1")"}) {
    const JsonView root{std::string_view(junk)};
    EXPECT_LE(root.items().size() + root.members().size(), 4U) << junk;
    EXPECT_LE(root.text().value_or("").size(), 4U) << junk;
  }
}

TEST(JsonWriter, CommasStandBetweenWhatIsWritten) {
  std::string out = "data: ";
  JsonWriter json(out);
  json.begin_object().key("a").number(1).key("b").begin_array().text("x\n").raw("[2]").null();
  json.begin_object().end_object().end_array().key("c").number(0.1).end_object();
  EXPECT_EQ(out, R"(data: {"a":1,"b":["x\n",[2],null,{}],"c":0.1})");
}

}  // namespace
}  // namespace headgate
