#include "documents/document.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/encoding.h"

namespace headgate::documents {
namespace {

TEST(Document, HoldsTheBytesAndTheirHash) {
  const auto document = Document::create("abc", 10);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ((*document)->bytes(), "abc");
  EXPECT_EQ(hex(as_view((*document)->digest())),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Document, CannotBeChangedThroughItsDescriptor) {
  const auto document = Document::create("abc", 10);
  ASSERT_TRUE(document.has_value());
  EXPECT_LT(::pwrite((*document)->descriptor(), "x", 1, 0), 0);
  EXPECT_NE(::ftruncate((*document)->descriptor(), 1), 0);
  EXPECT_EQ((*document)->bytes(), "abc");
}

TEST(Document, RefusesAnEmptyAndATooLargeFile) {
  const auto empty = Document::create("", 10);
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(wire_code(empty.error()), "unreadable_file");
  const auto large = Document::create("01234567890", 10);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().kind, ErrorKind::TooLarge);
}

}  // namespace
}  // namespace headgate::documents
