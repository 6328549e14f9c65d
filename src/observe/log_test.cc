#include "observe/log.h"

#include <array>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace headgate::observe {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

/// Sends the general log into a pipe and gives it back at the end.
class LogTest : public testing::Test {
 protected:
  LogTest() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~LogTest() override {
    log::configure({});
    close(ends_[0]);
    close(ends_[1]);
  }

  void configure(log::Format format) { log::configure({.format = format, .fd = ends_[1]}); }

  /// What was logged since the last call, at least one line.
  std::string logged() {
    std::string text(65536, '\0');
    const long count = read(ends_[0], text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST_F(LogTest, WritesOneJsonLineAnEvent) {
  configure(log::Format::Json);
  log::info("started \"now\"\n", {{"port", 8080},
                                  {"name", "a\x01\x1b[31m"},
                                  {"on", true},
                                  {"ratio", 0.5},
                                  {"count", 18446744073709551615ULL}});
  const std::string line = logged();
  EXPECT_THAT(line, EndsWith("Z\",\"level\":\"info\",\"message\":\"started \\\"now\\\"\\n\","
                             "\"port\":8080,\"name\":\"a\\u0001\\u001b[31m\",\"on\":true,"
                             "\"ratio\":0.5,\"count\":18446744073709551615}\n"));
  EXPECT_THAT(line, testing::StartsWith("{\"ts\":\"2"));
}

TEST_F(LogTest, AutoIsJsonWhenNobodyWatches) {
  configure(log::Format::Auto);
  log::warning("careful");
  EXPECT_THAT(logged(), HasSubstr("\"level\":\"warning\",\"message\":\"careful\"}"));
}

TEST_F(LogTest, TextQuotesWhatWouldBeAmbiguous) {
  configure(log::Format::Text);
  log::error("bad\nthing", {{"file", "a b"}, {"code", 3}, {"empty", ""}});
  EXPECT_THAT(logged(),
              MatchesRegex("2[^ ]*Z error   bad..thing file=\"a b\" code=3 empty=\"\"\n"));
}

TEST_F(LogTest, LevelChangesWhileRunning) {
  configure(log::Format::Json);
  log::debug("hidden");
  log::set_level(log::Level::Debug);
  log::debug("shown");
  log::set_level(log::Level::Error);
  log::warning("hidden");
  log::error("failed", internal_error("disk"));
  const std::string text = logged();
  EXPECT_THAT(text, testing::Not(HasSubstr("hidden")));
  EXPECT_THAT(text, HasSubstr("shown"));
  EXPECT_THAT(text, HasSubstr("\"detail\":\"disk\"}"));
}

TEST_F(LogTest, CutsLongTextsAndKeepsTheLineWhole) {
  configure(log::Format::Json);
  log::info(std::string(100000, 'm'), {{"value", std::string(100000, 'v')}, {"last", 1}});
  const std::string line = logged();
  EXPECT_LT(line.size(), 4096U);
  EXPECT_THAT(line, EndsWith("v\",\"last\":1}\n"));
}

TEST_F(LogTest, AFullPipeLosesLinesInsteadOfBlocking) {
  configure(log::Format::Json);
  for (int i = 0; i < 5000; ++i) {  // far more than a pipe holds; blocking would hang here
    log::info("a line that nobody reads", {{"number", i}});
  }
  EXPECT_THAT(logged(), HasSubstr("\"number\":0}"));
}

TEST(LogNames, AreKnownInAnyCase) {
  EXPECT_EQ(log::level_named("WARNING"), log::Level::Warning);
  EXPECT_EQ(log::level_named("warn"), log::Level::Warning);
  EXPECT_EQ(log::level_named("loud"), std::nullopt);
  EXPECT_EQ(log::format_named("JSON"), log::Format::Json);
  EXPECT_EQ(log::format_named("xml"), std::nullopt);
}

}  // namespace
}  // namespace headgate::observe
