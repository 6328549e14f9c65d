#include "base/json_check.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(JsonCheck, TakesOneWholeValue) {
  for (const char* text :
       {"{}", "[1,2]", " \"a\" \n", "null", R"({"a":{"b":[1.5e3,true,"\u00e9"]}})"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonCheck, RefusesWhatIsNone) {
  for (const char* text :
       {"", " ", "{", R"({"a": x)", R"({"a":1}})", "{} {}", "<html>", "\"\xff\"", R"({"a":"b)"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
  EXPECT_FALSE(is_json(std::string_view("{\"a\":\"\0\"}", 9)));
}

TEST(JsonCheck, LongTextsAreReadToTheirEnd) {
  const std::string text = "[\"" + std::string(1U << 20U, 'a') + "\"";
  EXPECT_FALSE(is_json(text));
  EXPECT_TRUE(is_json(text + "]"));
}

}  // namespace
}  // namespace headgate
