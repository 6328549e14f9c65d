#include "model/tool_arguments.h"

#include <gtest/gtest.h>

namespace headgate::model {
namespace {

TEST(ToolArguments, AnObjectStaysAsItWasWritten) {
  EXPECT_EQ(arguments_object(R"( {"id": 12345678901234567, "x": 1.50} )"),
            R"({"id": 12345678901234567, "x": 1.50})");
}

TEST(ToolArguments, NoArgumentsAreAnEmptyObject) {
  EXPECT_EQ(arguments_object(""), "{}");
  EXPECT_EQ(arguments_object(" \n"), "{}");
}

TEST(ToolArguments, WhatIsNoObjectIsKeptInOne) {
  EXPECT_EQ(arguments_object(R"({"a":)"), R"({"raw_arguments":"{\"a\":"})");
  EXPECT_EQ(arguments_object("[1]"), R"({"raw_arguments":"[1]"})");
  EXPECT_EQ(arguments_object(R"({} {})"), R"({"raw_arguments":"{} {}"})");
}

}  // namespace
}  // namespace headgate::model
