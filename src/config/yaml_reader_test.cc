#include "config/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::config {
namespace {

using testing::HasSubstr;

TEST(YamlReader, KeepsOrderTextAndPlaces) {
  const auto tree = read_yaml("server:\n  listen: [a, \"b c\"]\n  threads: auto\nempty:\n", "f");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->fields.size(), 2U);
  const Node* server = tree->find("server");
  ASSERT_NE(server, nullptr);
  const Node* listen = server->find("listen");
  ASSERT_NE(listen, nullptr);
  ASSERT_EQ(listen->items.size(), 2U);
  EXPECT_EQ(listen->items[1].text, "b c");
  EXPECT_EQ(listen->items[1].place.text(), "f:2:15");
  EXPECT_EQ(server->fields[1].place.text(), "f:3:3");
  EXPECT_EQ(tree->find("empty")->kind, Node::Kind::Null);
}

TEST(YamlReader, QuotesAndEscapesAreRead) {
  const auto tree = read_yaml(
      "\xEF\xBB\xBF"
      "a: \"x \\\" y\"\nb: 'it''s'\nc: it's\n",
      "f");
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->find("a")->text, "x \" y");
  EXPECT_EQ(tree->find("b")->text, "it's");
  EXPECT_EQ(tree->find("c")->text, "it's");
}

TEST(YamlReader, AnEmptyFileIsNull) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    const auto tree = read_yaml(text, "f");
    ASSERT_TRUE(tree) << text;
    EXPECT_EQ(tree->kind, Node::Kind::Null);
  }
}

TEST(YamlReader, RefusalsNameTheLine) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"a: 1\nb: 2\na: 3\n", "f:3:1: the key \"a\" is already set on line 1"},
      {"a: {x: 1, x: 2}\n", "f:1:11: the key \"x\" is already set on line 1"},
      {"a: &x 1\nb: *x\n", "f:1:4: anchors and aliases are not supported"},
      {"a: 1\nb: *x\n", "f:2:"},
      {"a: !!python/object 1\n", "f:1:4: tags are not supported"},
      {"a: 1\n---\nb: 2\n", "a second document"},
      {"a: 1\n b: 2\n", "f:2:3:"},
      {"a: [1, 2\nb: 3\n", "f:2"},
      {"a: \"unclosed\n", "f:1:4: a quote that is never closed"},
      {"a: 1\nb: 'it''s\nc: 3\n", "f:2:4: a quote that is never closed"},
      {"a: \"x\\\"\n", "f:1:4: a quote that is never closed"},
      {"? [a, b]\n: 1\n", "a key must be a plain text"},
      {"~: 1\n", "a key must be a plain text"},
      {"\ta: 1\n", "f:1"},
  };
  for (const Case& test : cases) {
    const auto tree = read_yaml(test.text, "f");
    ASSERT_FALSE(tree) << test.text;
    EXPECT_THAT(tree.error().message, HasSubstr(test.message)) << test.text;
  }
}

TEST(YamlReader, SizeDepthAndCountAreBounded) {
  EXPECT_FALSE(read_yaml(std::string(kMaxYamlBytes + 1, ' '), "f"));
  EXPECT_FALSE(read_yaml(std::string("a: \xff"), "f"));
  EXPECT_FALSE(read_yaml(std::string_view("a: \0", 4), "f"));
  EXPECT_FALSE(read_yaml(std::string(50'000, '['), "f"));
  EXPECT_FALSE(read_yaml(std::string(50'000, '{'), "f"));

  std::string nested;
  for (unsigned i = 0; i < kMaxYamlDepth + 1; ++i) {
    nested.append(i, ' ').append("a:\n");
  }
  const auto deep = read_yaml(nested + std::string(kMaxYamlDepth + 2, ' ') + "b: 1\n", "f");
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message, HasSubstr("nested deeper than"));

  std::string many = "a: [";
  for (std::size_t i = 0; i <= kMaxYamlNodes; ++i) {
    many.append("1,\n");
  }
  const auto wide = read_yaml(many + "]", "f");
  ASSERT_FALSE(wide);
  EXPECT_THAT(wide.error().message, HasSubstr("more than 100000 values"));
}

}  // namespace
}  // namespace headgate::config
