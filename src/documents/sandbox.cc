#include "documents/sandbox.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEADGATE_ADDRESS_SANITIZER 1
#endif
#endif

namespace headgate::documents {
namespace {

[[maybe_unused]] constexpr rlim_t kAddressSpace =
    1536ULL << 20;  // 100 megapixels in colour and grey, and Tesseract
constexpr rlim_t kStack = 8ULL << 20;
constexpr rlim_t kDescriptors = 32;
constexpr unsigned kNobody = 65534;

bool limit(int resource, rlim_t soft, rlim_t hard) {
  const struct rlimit value{.rlim_cur = soft, .rlim_max = hard};
  return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &value) == 0;
}

std::string skipped() { return std::string("skipped (") + std::strerror(errno) + ")"; }

std::string set_limits() {
  bool all = limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0) &&
             limit(RLIMIT_NOFILE, kDescriptors, kDescriptors) &&
             limit(RLIMIT_STACK, kStack, kStack);
#ifndef HEADGATE_ADDRESS_SANITIZER
  all = all && limit(RLIMIT_AS, kAddressSpace, kAddressSpace);
#endif
  return all ? "on" : skipped();
}

/// Root's namespaces need no user namespace; anyone else's do. Root then becomes nobody, so that a
/// kernel without Landlock still keeps private files away from it.
std::string leave_namespaces() {
  if (::geteuid() == 0 && ::unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0) {
    return "on (network, ipc)";
  }
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0) {
    return "on (user, network, ipc)";
  }
  return skipped();
}

std::string leave_root() {
  if (::geteuid() != 0) {
    return "not root";
  }
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return skipped();
  }
  return "on (nobody)";
}

// The kernel's structure as of ABI 6; older kernels are given only the part they know.
struct RulesetAttributes {
  std::uint64_t files;
  std::uint64_t network;
  std::uint64_t scoped;
};

int create_ruleset(const RulesetAttributes* attributes, std::size_t size, std::uint32_t flags) {
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, attributes, size, flags));
}

std::uint64_t file_rights(int abi) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // ABI 1
  if (abi >= 2) {
    rights |= 1ULL << 13;  // refer
  }
  if (abi >= 3) {
    rights |= 1ULL << 14;  // truncate
  }
  if (abi >= 5) {
    rights |= 1ULL << 15;  // ioctl on devices
  }
  return rights;
}

void allow_reading(int ruleset, const std::string& path) {
  const int folder = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (folder < 0) {
    return;  // a folder that is not there needs no rule
  }
  struct stat status{};
  struct landlock_path_beneath_attr rule{};
  rule.parent_fd = folder;
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (::fstat(folder, &status) == 0 && S_ISDIR(status.st_mode)) {
    rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  }
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  ::close(folder);
}

}  // namespace

std::vector<SandboxStatus> confine_worker(int socket) {
  ::setsid();
  ::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  ::umask(0777);
  std::vector<SandboxStatus> status;
  status.push_back({"namespaces", leave_namespaces()});
  status.push_back({"user", leave_root()});
  status.push_back({"rlimits", set_limits()});
  // After the change of user, which clears both.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  const bool no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  status.push_back({"no_new_privs", no_new_privileges ? "on" : skipped()});
  return status;
}

SandboxStatus confine_files(const std::vector<std::string>& readable) {
  const int abi = create_ruleset(nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    return {"landlock", skipped()};
  }
  RulesetAttributes attributes{.files = file_rights(abi), .network = 0, .scoped = 0};
  std::size_t size = sizeof(attributes.files);
  if (abi >= 4) {
    attributes.network = 3;  // bind and connect over TCP
    size += sizeof(attributes.network);
  }
  if (abi >= 6) {
    attributes.scoped = 3;  // abstract sockets and signals
    size += sizeof(attributes.scoped);
  }
  const int ruleset = create_ruleset(&attributes, size, 0);
  if (ruleset < 0) {
    return {"landlock", skipped()};
  }
  for (const std::string& path : readable) {
    allow_reading(ruleset, path);
  }
  const bool on = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  SandboxStatus status{"landlock", on ? "on (abi " + std::to_string(abi) + ")" : skipped()};
  ::close(ruleset);
  return status;
}

void limit_page(std::uint32_t cpu_seconds) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CPU, cpu_seconds, cpu_seconds + 1);
  limit(RLIMIT_NPROC, 0, 0);
}

}  // namespace headgate::documents
