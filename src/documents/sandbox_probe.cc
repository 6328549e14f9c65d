#include "documents/sandbox_probe.h"

#include <cerrno>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace headgate::documents {
namespace {

/// errno if `result` says failure, else 0: the sandbox let it pass.
std::uint32_t outcome(long result) { return result < 0 ? static_cast<std::uint32_t>(errno) : 0; }

std::uint32_t run_program() {
  char* arguments[] = {nullptr};
  return outcome(::execve("/bin/true", arguments, arguments));
}

std::uint32_t map_code(int protection) {
  constexpr std::size_t kPage = 4096;
  void* const page = ::mmap(nullptr, kPage, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? outcome(-1) : 0;
}

std::uint32_t make_code() {
  constexpr std::size_t kPage = 4096;
  void* const page =
      ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? 0 : outcome(::mprotect(page, kPage, PROT_READ | PROT_EXEC));
}

}  // namespace

std::uint32_t attempt_forbidden(std::uint32_t probe) {
  switch (probe) {
    case 0:
      return outcome(::open("/etc/passwd", O_RDONLY));
    case 1:
      return outcome(::open("/tmp/headgate-probe", O_WRONLY | O_CREAT, 0600));
    case 2:
      return outcome(::open("/dev/null", O_WRONLY));
    case 3:
      return outcome(::socket(AF_INET, SOCK_STREAM, 0));  // even that is too much
    case 4:
      return outcome(::socket(AF_UNIX, SOCK_STREAM, 0));
    case 5:
      return outcome(::fork());
    case 6:
      return run_program();
    case 7:
      return outcome(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr));
    case 8:
      return outcome(::kill(::getppid(), 0));
    case 9:
      return map_code(PROT_READ | PROT_WRITE | PROT_EXEC);
    case 10:
      return make_code();
    case 11:
      return outcome(::syscall(SYS_io_uring_setup, 8, nullptr));
    case 12:
      return outcome(::syscall(SYS_bpf, 0, nullptr, 0));
    case 13:
      return outcome(::syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    case 14:
      return outcome(::open("/", O_RDONLY | O_DIRECTORY));
    default:
      return ENOSYS;
  }
}

}  // namespace headgate::documents
