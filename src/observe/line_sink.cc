#include "observe/line_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate::observe {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A pipe with room reported takes this much at once (pipe(7)); larger writes could block.
constexpr std::size_t kStreamPiece = PIPE_BUF;

int reopen_without_blocking(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

}  // namespace

LineSink::LineSink(int fd, Ownership ownership)
    : fd_(fd), ownership_(ownership), terminal_(isatty(fd) == 1) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || S_ISREG(info.st_mode)) {
    return;
  }
  kind_ = S_ISSOCK(info.st_mode) ? Kind::Socket : Kind::Stream;
  if (S_ISFIFO(info.st_mode)) {
    const int own = reopen_without_blocking(fd);
    if (own >= 0) {
      if (ownership == Ownership::Owned) {
        close(fd);
      }
      fd_ = own;
      ownership_ = Ownership::Owned;
    }
  }
}

LineSink::~LineSink() {
  if (ownership_ == Ownership::Owned) {
    close(fd_);
  }
}

bool LineSink::wait_for_room(std::chrono::milliseconds patience) const {
  if (kind_ == Kind::File) {
    return true;
  }
  pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
  const auto milliseconds = static_cast<int>(std::clamp<long long>(patience.count(), 0, INT_MAX));
  // A hang-up also returns: the write then fails at once.
  return poll(&entry, 1, milliseconds) > 0;
}

long LineSink::put(std::string_view bytes) const {
  if (kind_ == Kind::Socket) {
    return send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (kind_ == Kind::Stream) {
    bytes = bytes.substr(0, kStreamPiece);
    // Whole lines, so that those of another writer of the same pipe do not fall between.
    if (const std::size_t end = bytes.rfind('\n'); end != std::string_view::npos) {
      bytes = bytes.substr(0, end + 1);
    }
  }
  return ::write(fd_, bytes.data(), bytes.size());
}

std::size_t LineSink::write(std::string_view lines, std::chrono::milliseconds patience) {
  const auto until = SteadyClock::now() + patience;
  std::size_t written = 0;
  while (written < lines.size()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
    if (!wait_for_room(left)) {
      break;
    }
    if (torn_ && written == 0) {
      if (put("\n") != 1) {
        break;
      }
      torn_ = false;
      continue;
    }
    const long count = put(lines.substr(written));
    if (count > 0) {
      written += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN) || SteadyClock::now() >= until) {
      break;
    }
  }
  if (written > 0) {
    torn_ = lines[written - 1] != '\n';
  }
  return written;
}

}  // namespace headgate::observe
