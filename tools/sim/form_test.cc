#include <string>

#include <gtest/gtest.h>

#include "sim/encoding.h"
#include "sim/media.h"

namespace headgate::sim {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=\"b-1\"";

TEST(Form, FieldsAndFilesAreTakenApart) {
  std::string body =
      "--b-1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsim\r\n"
      "--b-1\r\nContent-Disposition: form-data; filename=\"a.wav\"; name=\"file\"\r\n\r\n"
      "\r\n--b-0\r\n\r\n--b-1--\r\n";
  auto fields = read_form(kType, body);
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].name, "model");
  EXPECT_EQ(fields[0].value, "sim");
  EXPECT_EQ(fields[1].name, "file");
  EXPECT_EQ(fields[1].file_name, "a.wav");
  EXPECT_EQ(fields[1].value, "\r\n--b-0\r\n");
}

TEST(Form, AnUnfinishedBodyIsNone) {
  std::string body = "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b-1--\r\n";
  ASSERT_EQ(read_form(kType, body).size(), 1U);
  for (std::size_t end = 0; end + 4 < body.size(); ++end) {
    EXPECT_TRUE(read_form(kType, body.substr(0, end)).empty()) << end;
  }
  EXPECT_TRUE(read_form("application/json", body).empty());
}

TEST(Encoding, PercentEscapesAreDecodedOnce) {
  EXPECT_EQ(percent_decoded("a%3Ab%2525"), "a:b%25");
  EXPECT_EQ(percent_decoded("100%"), "100%");
  EXPECT_EQ(percent_decoded("%zz"), "%zz");
}

TEST(Encoding, KeysAreShortenedTheSameEverywhere) {
  EXPECT_EQ(short_hash(""), "");
  EXPECT_EQ(short_hash("abc"), "ba7816bf");
}

}  // namespace
}  // namespace headgate::sim
