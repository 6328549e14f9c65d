#include "observe/line_sink.h"

#include <array>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace headgate::observe {
namespace {

using std::chrono::milliseconds;

std::string lines_of(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text.append("line ").append(std::to_string(i)).push_back('\n');
  }
  return text;
}

std::string read_some(int fd) {
  std::string text(1 << 20, '\0');
  const long count = read(fd, text.data(), text.size());
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

TEST(LineSink, AFullPipeTakesWholeLinesAndThenNothing) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  LineSink sink(ends[1], LineSink::Ownership::Borrowed);
  const std::string lines = lines_of(50000);

  const std::size_t first = sink.write(lines, milliseconds(0));
  const std::size_t second = sink.write(lines, milliseconds(0));

  EXPECT_GT(first, 4096U);
  EXPECT_LT(first, lines.size());
  EXPECT_EQ(second, 0U);
  EXPECT_EQ(read_some(ends[0]), lines.substr(0, first));
  EXPECT_EQ(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0) << "others share that descriptor's flags";
  close(ends[0]);
  close(ends[1]);
}

TEST(LineSink, AClosedPipeFailsWithoutASignal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  LineSink sink(ends[1], LineSink::Ownership::Borrowed);
  close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(sink.write("line\n", milliseconds(1000)), 0U);
  std::signal(SIGPIPE, before);
  close(ends[1]);
}

TEST(LineSink, AFullSocketDoesNotBlock) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  LineSink sink(ends[1], LineSink::Ownership::Borrowed);
  const std::string lines = lines_of(500000);
  const std::size_t written = sink.write(lines, milliseconds(0));
  EXPECT_GT(written, 0U);
  EXPECT_LT(written, lines.size());
  close(ends[0]);
  close(ends[1]);
}

TEST(LineSink, ClosesATornLineBeforeTheNext) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  LineSink sink(ends[1], LineSink::Ownership::Borrowed);
  EXPECT_EQ(sink.write("half a li", milliseconds(0)), 9U);
  EXPECT_EQ(sink.write("next\n", milliseconds(0)), 5U);
  EXPECT_EQ(read_some(ends[0]), "half a li\nnext\n");
  close(ends[0]);
  close(ends[1]);
}

TEST(LineSink, AFullDiskIsAShortWrite) {
  const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  LineSink sink(fd, LineSink::Ownership::Owned);
  EXPECT_EQ(sink.write("line\n", milliseconds(0)), 0U);
}

}  // namespace
}  // namespace headgate::observe
