#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::observe {

/// Writes lines to a descriptor that may be a file on a full disk, a pipe nobody reads or a closed
/// socket, without blocking longer than told. One thread at a time; SIGPIPE must be ignored or
/// blocked there.
class LineSink final {
 public:
  enum class Ownership : std::uint8_t { Borrowed, Owned };

  /// Writes to `fd`. A pipe is opened anew where the system allows it, so that it can be written
  /// without blocking and without changing the descriptor that other processes share.
  LineSink(int fd, Ownership ownership);
  ~LineSink();
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;

  /// Writes `lines`, which end in a newline, waiting at most `patience` in all for room. Returns
  /// how many bytes were written; fewer than all if there was no room or writing failed. A line cut
  /// by that is closed with a newline before the next.
  std::size_t write(std::string_view lines, std::chrono::milliseconds patience);

  bool terminal() const { return terminal_; }

 private:
  enum class Kind : std::uint8_t { File, Socket, Stream };
  bool wait_for_room(std::chrono::milliseconds patience) const;
  long put(std::string_view bytes) const;

  int fd_;
  Ownership ownership_;
  Kind kind_ = Kind::File;
  bool terminal_ = false;
  bool torn_ = false;  // the last byte written was not the end of a line
};

}  // namespace headgate::observe
