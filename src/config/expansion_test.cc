#include "config/expansion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/yaml_reader.h"

namespace headgate::config {
namespace {

using testing::HasSubstr;

const Environment kEnvironment{{"NAME", "value"}, {"EMPTY", ""}, {"TRICKY", "${NAME}"}};

TEST(Expansion, ReplacesNamesAndDefaults) {
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"plain", "plain"},
      {"${NAME}", "value"},
      {"a${NAME}b${NAME}c", "avaluebvaluec"},
      {"${NAME:-other}", "value"},
      {"${MISSING:-other}", "other"},
      {"${MISSING:-}", ""},
      {"${EMPTY:-other}", "other"},
      {"${EMPTY}", ""},
      {"${MISSING:-a:-b}", "a:-b"},
      {"$${NAME}", "${NAME}"},
      {"$${NAME} ${NAME}", "${NAME} value"},
      {"${TRICKY}", "${NAME}"},
      {"$", "$"},
      {"$5 and $NAME", "$5 and $NAME"},
      {"a$$b", "a$$b"},
  };
  for (const Case& test : cases) {
    Node node = Node::scalar(test.text);
    EXPECT_TRUE(expand(node, kEnvironment).problems.empty()) << test.text;
    EXPECT_EQ(node.text, test.expected) << test.text;
  }
}

TEST(Expansion, ProblemsNameTheVariableAndTheLine) {
  auto tree = read_yaml("a: 1\nb: [\"${MISSING}\"]\nc: ${1X}\nd: ${OPEN\n", "f.yaml");
  ASSERT_TRUE(tree);
  const Expansion result = expand(*tree, kEnvironment);
  ASSERT_EQ(result.problems.size(), 3U);
  EXPECT_THAT(result.problems[0], HasSubstr("f.yaml:2:5: the environment variable MISSING"));
  EXPECT_THAT(result.problems[1], HasSubstr("f.yaml:3:4: \"${1X}\""));
  EXPECT_THAT(result.problems[2], HasSubstr("f.yaml:4:4: \"${\" without \"}\""));
  EXPECT_TRUE(result.names.contains("MISSING"));
}

TEST(Expansion, GrowthIsBounded) {
  const Environment environment{{"BIG", std::string(100'000, 'x')}};
  std::vector<Node> items;
  for (int i = 0; i < 100; ++i) {
    items.push_back(Node::scalar("${BIG}"));
  }
  Node list = Node::list(std::move(items));
  const Expansion result = expand(list, environment);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_THAT(result.problems[0], HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace headgate::config
