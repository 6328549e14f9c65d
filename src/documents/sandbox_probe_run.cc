// run_worker_probe: the sandbox tried out from inside, on this machine.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include <sys/eventfd.h>
#include <unistd.h>

#include "documents/sandbox_probe.h"
#include "documents/worker_main.h"
#include "documents/worker_process.h"

namespace headgate::documents {
namespace {

constexpr std::chrono::seconds kStartTimeout{30};
constexpr std::uint32_t kAttemptMilliseconds = 10'000;

/// How one forbidden attempt ended, in words; empty if it was possible.
std::string denial(const WorkerProcess::Outcome& outcome) {
  if (outcome.worker_lost) {
    return {};  // the worker itself must not suffer
  }
  if (outcome.done.ending == DoneMessage::Ending::Signalled) {
    const char* const name = ::sigabbrev_np(static_cast<int>(outcome.done.signal));
    return std::string("ended by SIG") + (name != nullptr ? name : "?");
  }
  const auto number = decode_probe(outcome.answer);
  if (!number || *number == 0) {
    return {};
  }
  const char* const name = ::strerrorname_np(static_cast<int>(*number));
  return std::string("denied with ") + (name != nullptr ? name : "an error");
}

int probe(WorkerProcess& worker, const Document& document, int wake) {
  const std::atomic<bool> cancelled = false;
  int possible = 0;
  for (std::uint32_t i = 0; i < kForbidden.size(); ++i) {
    JobMessage job;
    job.id = i + 1;
    job.op = WorkerOp::Probe;
    job.page = i;
    job.timeout_milliseconds = kAttemptMilliseconds;
    const std::string how = denial(worker.run(document, job, wake, cancelled));
    possible += how.empty() ? 1 : 0;
    std::printf("%-26s %s\n", std::string(kForbidden[i]).c_str(),
                how.empty() ? "POSSIBLE" : how.c_str());
  }
  return possible;
}

}  // namespace

int run_worker_probe(const char* executable) {
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const HelloMessage hello{.languages = {"eng"}, .max_pages = 1, .max_pixels = 1};
  auto worker = WorkerProcess::start(executable, hello, wake,
                                     std::chrono::steady_clock::now() + kStartTimeout);
  auto document = Document::create("probe", 16);
  int possible = 1;
  if (!worker || !document) {
    const Error& error = worker ? document.error() : worker.error();
    std::fprintf(stderr, "headgate: %s (%s)\n", error.message.c_str(), error.detail.c_str());
  } else {
    for (const SandboxStatus& status : (*worker)->sandbox()) {
      std::printf("%-26s %s\n", status.mechanism.c_str(), status.state.c_str());
    }
    possible = probe(**worker, **document, wake);
  }
  ::close(wake);
  return possible == 0 ? 0 : 1;
}

}  // namespace headgate::documents
