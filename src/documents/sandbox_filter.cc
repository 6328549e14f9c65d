// The system-call filter of sandbox.h.

#include <array>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "documents/sandbox.h"

namespace headgate::documents {
namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

/// What reading a page needs: memory, its inherited descriptors, language data and fonts, time.
constexpr std::array kPageCalls = {
    // input and output on what is open
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(getdents64), SCMP_SYS(fstatfs),
    SCMP_SYS(fadvise64),
    // looking at files; Landlock says which can be opened
    SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(statfs),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    // memory
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    // one thread's housekeeping
    SCMP_SYS(futex), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
    SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    // time and chance
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrandom)};

/// What the worker does besides, never on behalf of a document.
constexpr std::array kWorkerCalls = {
    SCMP_SYS(recvmsg),     SCMP_SYS(sendmsg),   SCMP_SYS(sendto),    SCMP_SYS(poll),
    SCMP_SYS(ppoll),       SCMP_SYS(clone),     SCMP_SYS(fork),      SCMP_SYS(wait4),
    SCMP_SYS(kill),        SCMP_SYS(pipe2),     SCMP_SYS(dup2),      SCMP_SYS(dup3),
    SCMP_SYS(close_range), SCMP_SYS(setrlimit), SCMP_SYS(prlimit64), SCMP_SYS(prctl),
    SCMP_SYS(seccomp),     SCMP_SYS(tgkill),    SCMP_SYS(fcntl)};

/// Habits of the libraries that must fail, but need not kill: font caches, terminals, locks.
constexpr std::array kQuietlyDenied = {
    SCMP_SYS(mkdir),     SCMP_SYS(unlink),  SCMP_SYS(rename),
    SCMP_SYS(link),      SCMP_SYS(symlink), SCMP_SYS(chmod),
    SCMP_SYS(utimensat), SCMP_SYS(ioctl),   SCMP_SYS(sched_setaffinity)};

constexpr std::array kOpenForWriting = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
constexpr std::uint64_t kAnyWriting = O_ACCMODE | O_CREAT | O_TRUNC;

/// Adds rules and remembers whether all could be.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  template <class... Conditions>
  void add(std::uint32_t action, int call, Conditions... conditions) {
    const int error = seccomp_rule_add(filter_, action, call, sizeof...(conditions), conditions...);
    ok_ = ok_ && error == 0;
  }
  bool ok() const { return ok_; }

 private:
  scmp_filter_ctx filter_;
  bool ok_ = true;
};

void add_page_rules(Rules& rules, FileRules files) {
  for (const int call : kPageCalls) {
    rules.add(SCMP_ACT_ALLOW, call);
  }
  for (const int call : kQuietlyDenied) {
    rules.add(SCMP_ACT_ERRNO(EACCES), call);
  }
  // No page that can be written may become code, and no file may be mapped as such.
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  for (const auto flag : kOpenForWriting) {
    const auto bit = static_cast<scmp_datum_t>(flag);
    rules.add(SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit));
  }
  const std::uint32_t reading =
      files == FileRules::Landlock ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES);
  rules.add(reading, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, kAnyWriting, 0));
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEADGATE_ADDRESS_SANITIZER 1
#endif
#endif

/// The sanitizers test whether memory can be read by writing it into a pipe.
void add_sanitizer_rules([[maybe_unused]] Rules& rules) {
#ifdef HEADGATE_ADDRESS_SANITIZER
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(pipe2));
#endif
}

void add_level_rules(Rules& rules, FilterLevel level) {
  if (level == FilterLevel::Worker) {
    for (const int call : kWorkerCalls) {
      rules.add(SCMP_ACT_ALLOW, call);
    }
    rules.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));  // glibc falls back to clone
    return;
  }
  add_sanitizer_rules(rules);
  // abort() must be able to say so; nobody else may be signalled.
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
            SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0));
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0));  // asking only
  for (const int command : {F_GETFD, F_SETFD, F_GETFL}) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl),
              SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command), 0));
  }
  for (const int command : {F_SETLK, F_SETLKW, F_GETLK}) {
    rules.add(SCMP_ACT_ERRNO(EACCES), SCMP_SYS(fcntl),
              SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command), 0));
  }
}

}  // namespace

SandboxStatus confine_system_calls(FilterLevel level, FileRules files) {
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
  if (!filter) {
    return {"seccomp", "skipped (no memory)"};
  }
  seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  Rules rules(filter.get());
  add_page_rules(rules, files);
  add_level_rules(rules, level);
  if (!rules.ok()) {
    return {"seccomp", "skipped (a rule was refused)"};
  }
  if (seccomp_load(filter.get()) != 0) {
    return {"seccomp", "skipped (the kernel refused the filter)"};
  }
  return {"seccomp", "on"};
}

}  // namespace headgate::documents
