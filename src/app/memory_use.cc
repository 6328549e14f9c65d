#include "app/memory_use.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

namespace headgate::app {
namespace {

constexpr std::uint64_t kNone = UINT64_MAX;

/// The number in a file of a control group; kNone for "max" and for no such file.
std::uint64_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  file >> text;
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size() ? number : kNone;
}

/// Of the group at `path` below `root` and of all above it. Inside a container the path may lead
/// nowhere; then `root` itself is the group.
std::uint64_t lowest(const std::string& root, std::string path, const std::string& file) {
  std::uint64_t limit = kNone;
  while (true) {
    limit = std::min(limit, number_in(root + path + "/" + file));
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
      return limit;
    }
    path.resize(slash);
  }
}

}  // namespace

std::uint64_t control_group_limit(std::string_view groups, const std::string& root) {
  std::uint64_t limit = kNone;
  while (!groups.empty()) {
    const std::size_t end = std::min(groups.find('\n'), groups.size());
    const std::string_view line = groups.substr(0, end);  // number:controllers:/path
    groups.remove_prefix(std::min(end + 1, groups.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) {
      continue;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty()) {
      limit = std::min(limit, lowest(root, path, "memory.max"));
    } else if (controllers == "memory") {
      limit = std::min(limit, lowest(root + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

MemoryUse::MemoryUse()
    : statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
      page_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  std::ifstream file("/proc/self/cgroup");
  const std::string groups{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  available_ = std::min(pages * page_, control_group_limit(groups, "/sys/fs/cgroup"));
}

MemoryUse::~MemoryUse() {
  if (statm_ >= 0) {
    ::close(statm_);
  }
}

std::uint64_t MemoryUse::resident() const {
  std::array<char, 128> text{};
  const ssize_t size = statm_ < 0 ? -1 : ::pread(statm_, text.data(), text.size(), 0);
  if (size <= 0) {
    return 0;
  }
  const std::string_view fields(text.data(), static_cast<std::size_t>(size));
  const std::size_t second = fields.find(' ') + 1;  // the first is the size of the address space
  std::uint64_t pages = 0;
  std::from_chars(fields.data() + second, fields.data() + fields.size(), pages);
  return pages * page_;
}

}  // namespace headgate::app
