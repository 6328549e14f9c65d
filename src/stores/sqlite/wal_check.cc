// Every frame of the log carries a checksum over itself and all frames before it. SQLite reads up
// to the first frame that does not fit and takes the rest for a transaction that was cut short.
// That is right if power was lost: each commit is synced before the next transaction is written, so
// only one transaction, with one commit at its end, can be torn. Hence a chain of frames behind the
// bad one that fit to each other and hold two commits proves that the bad one was on disk once.
#include "stores/sqlite/wal_check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace headgate::stores::sqlite {
namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kSector = 512;  // what a disk writes as a whole
constexpr std::uint32_t kMagic = 0x377f0682;
constexpr int kTries = 10;

using Header = std::array<std::uint8_t, kHeader>;

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

std::uint32_t little_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[0]};
}

struct Checksum {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  bool operator==(const Checksum&) const = default;

  static Checksum stored(const std::uint8_t* bytes) {
    return {.a = big_endian(bytes), .b = big_endian(bytes + 4)};
  }
  /// `size` is a multiple of 8.
  Checksum over(const std::uint8_t* bytes, std::size_t size, bool big) const {
    Checksum sum = *this;
    const auto word = big ? big_endian : little_endian;
    for (std::size_t i = 0; i < size; i += 8) {
      sum.a += word(bytes + i) + sum.b;
      sum.b += word(bytes + i + 4) + sum.a;
    }
    return sum;
  }
};

class File final {
 public:
  explicit File(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  bool is_open() const { return descriptor_ >= 0; }
  /// False at the end of the file, and if it cannot be read: SQLite will find that too.
  bool read(std::uint8_t* into, std::size_t size, std::uint64_t offset) const {
    while (size > 0) {
      const ssize_t got = ::pread(descriptor_, into, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        return false;
      }
      into += got;
      offset += static_cast<std::uint64_t>(got);
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  int descriptor_;
};

/// One pass over the log as it is now.
bool has_lost_frames(const File& file, const Header& header) {
  const bool big = (big_endian(header.data()) & 1U) != 0;
  const std::size_t frame_size = kFrameHeader + big_endian(&header[8]);
  std::vector<std::uint8_t> frame(frame_size);
  Checksum before = Checksum::stored(&header[24]);  // as the frame before says
  bool before_commits = false;
  bool damaged = false;
  int commits = 0;  // in the chain of frames that fit, once one did not
  for (std::uint64_t at = kHeader; file.read(frame.data(), frame_size, at); at += frame_size) {
    const Checksum stored = Checksum::stored(&frame[16]);
    const bool fits = std::equal(&frame[8], &frame[16], &header[16]) &&
                      before.over(frame.data(), 8, big)
                              .over(&frame[kFrameHeader], frame_size - kFrameHeader, big) == stored;
    const bool marked = big_endian(&frame[4]) != 0;
    if (!fits) {
      damaged = true;
      commits = 0;
      // Its mark counts only if it cannot be left over from a frame that was here before.
      before_commits = marked && at % kSector <= kSector - kFrameHeader;
    } else if (damaged) {
      commits += (before_commits ? 1 : 0) + (marked ? 1 : 0);
      before_commits = false;
      if (commits >= 2) {
        return true;
      }
    }
    before = stored;
  }
  return false;
}

Error damaged_log(const std::string& path) {
  return invalid_request("The write-ahead log " + path +
                             " is damaged: changes that were acknowledged cannot be read. Restore "
                             "the database from a backup, or move both files away to begin anew.",
                         "data_dir");
}

}  // namespace

Result<void> check_wal(const std::string& path) {
  const File file(path);
  if (!file.is_open()) {
    return {};
  }
  // A writer that begins the log anew writes its header first.
  for (int tries = 0; tries < kTries; ++tries) {
    Header header{};
    if (!file.read(header.data(), kHeader, 0)) {
      return {};
    }
    const std::uint32_t page = big_endian(&header[8]);
    const bool big = (big_endian(header.data()) & 1U) != 0;
    const bool sound = (big_endian(header.data()) & ~1U) == kMagic && page >= 512 &&
                       page <= 65536 && (page & (page - 1)) == 0 &&
                       Checksum().over(header.data(), 24, big) == Checksum::stored(&header[24]);
    // A new log whose header never reached the disk is made of zeros.
    const bool blank = std::ranges::all_of(header, [](std::uint8_t byte) { return byte == 0; });
    const bool damaged = sound ? has_lost_frames(file, header) : !blank;
    Header after{};
    if (file.read(after.data(), kHeader, 0) && after == header) {
      return damaged ? Result<void>(fail(damaged_log(path))) : Result<void>();
    }
  }
  return {};
}

}  // namespace headgate::stores::sqlite
