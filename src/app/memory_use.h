#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::app {

/// How much memory the process uses, and how much there is for it.
class MemoryUse final {
 public:
  /// Looks up how much there is.
  MemoryUse();
  ~MemoryUse();
  MemoryUse(const MemoryUse&) = delete;
  MemoryUse& operator=(const MemoryUse&) = delete;

  /// Resident bytes now; 0 if the system does not say. Costs one read.
  std::uint64_t resident() const;
  /// Bytes: the control group's limit, or the machine's memory if that is less.
  std::uint64_t available() const { return available_; }

 private:
  int statm_ = -1;
  std::uint64_t page_ = 4096;
  std::uint64_t available_ = 0;
};

/// The lowest limit of a process's control groups and those above them; UINT64_MAX if there is
/// none. `groups` is the text of /proc/PID/cgroup, `root` where the hierarchies are mounted.
std::uint64_t control_group_limit(std::string_view groups, const std::string& root);

}  // namespace headgate::app
