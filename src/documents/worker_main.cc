#include "documents/worker_main.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "documents/packet_socket.h"
#include "documents/page_process.h"
#include "documents/sandbox.h"
#include "documents/worker_protocol.h"

// The worker loads the language data once and then forks a process per page. Measured on two busy
// cores: starting a process and loading "eng" takes 0.3 s; forking the loaded one, closing the
// fence and looking into a small file 6 ms; reading a page half a second and more. So each page
// gets memory that no other document has touched, and its crash or leak ends with it.

namespace headgate::documents {
namespace {

using Clock = std::chrono::steady_clock;
using Ending = DoneMessage::Ending;

void close_if_open(int descriptor) {
  if (descriptor >= 0) {
    ::close(descriptor);
  }
}

std::vector<std::string> readable_folders(const WorkerEngines& engines) {
  std::vector<std::string> folders = {"/usr/share/tesseract-ocr",
                                      "/usr/share/poppler",
                                      "/usr/share/fonts",
                                      "/usr/local/share/fonts",
                                      "/usr/share/fontconfig",
                                      "/etc/fonts",
                                      "/var/cache/fontconfig",
                                      "/usr/lib",
                                      "/lib"};
  for (const auto& [languages, recognizer] : engines.recognizers) {
    folders.push_back(recognizer->data_folder());
  }
  return folders;
}

std::uint64_t own_resident_bytes() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

/// A running page process. `alive` is readable once it is gone: it holds the other end.
struct PageProcess {
  pid_t id = -1;
  int alive = -1;
};

PageProcess fork_page(int socket, const JobMessage& job, WorkerEngines& engines,
                      const Packet& packet) {
  std::array<int, 2> alive{-1, -1};
  if (::pipe2(alive.data(), O_CLOEXEC) != 0) {
    return {};
  }
  const pid_t id = ::fork();
  if (id == 0) {
    ::close(socket);
    ::close(alive[0]);
    run_page_process(job, engines, packet.descriptors[0], packet.descriptors[1]);
  }
  ::close(alive[1]);
  if (id < 0) {
    ::close(alive[0]);
    return {};
  }
  return {.id = id, .alive = alive[0]};
}

enum class Wait : std::uint8_t { Ended, Cancelled, TimedOut, GatewayGone };

/// Waits for the page process to end, the gateway to change its mind or the time to pass.
Wait wait_for(int socket, const PageProcess& page, std::uint64_t job, Clock::time_point until) {
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) {
      return Wait::TimedOut;
    }
    std::array<pollfd, 2> ready{{{.fd = page.alive, .events = POLLIN, .revents = 0},
                                 {.fd = socket, .events = POLLIN, .revents = 0}}};
    const int count = ::poll(ready.data(), ready.size(), static_cast<int>(left) + 1);
    if (count < 0 && errno != EINTR) {
      return Wait::GatewayGone;
    }
    if (count > 0 && ready[0].revents != 0) {
      return Wait::Ended;
    }
    if (count > 0 && ready[1].revents != 0) {
      const Packet packet = receive_packet(socket);
      const auto cancel = decode_cancel(packet.bytes);
      if (packet.state != Packet::State::Message || !cancel) {
        return Wait::GatewayGone;
      }
      if (cancel->id == job) {
        return Wait::Cancelled;
      }
    }
  }
}

void settle(DoneMessage& done, Wait wait, int status, const struct rusage& usage) {
  constexpr std::uint64_t kKibibyte = 1024;
  done.cpu_milliseconds =
      static_cast<std::uint32_t>((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                                 (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
  done.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * kKibibyte;
  if (wait == Wait::TimedOut) {
    done.ending = Ending::TimedOut;
  } else if (wait == Wait::Cancelled) {
    done.ending = Ending::Cancelled;
  } else if (WIFSIGNALED(status)) {
    done.ending = WTERMSIG(status) == SIGXCPU ? Ending::TimedOut : Ending::Signalled;
    done.signal = static_cast<std::uint32_t>(WTERMSIG(status));
  }
}

/// One job from fork to Done. False when the gateway is gone.
bool serve_job(int socket, const JobMessage& job, WorkerEngines& engines, const Packet& packet) {
  DoneMessage done{.id = job.id, .ending = Ending::NotStarted};
  // Outside the page process, so that the next page in this language finds it loaded.
  if (job.op == WorkerOp::ReadPage) {
    (void)engines.recognizer_for(job.languages);
  }
  const PageProcess page = fork_page(socket, job, engines, packet);
  close_if_open(packet.descriptors[0]);
  close_if_open(packet.descriptors[1]);
  if (page.id > 0) {
    const auto until = Clock::now() + std::chrono::milliseconds(job.timeout_milliseconds);
    const Wait wait = wait_for(socket, page, job.id, until);
    if (wait != Wait::Ended) {
      ::kill(page.id, SIGKILL);
    }
    ::close(page.alive);
    int status = 0;
    struct rusage usage{};
    while (::wait4(page.id, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    if (wait == Wait::GatewayGone) {
      return false;
    }
    done.ending = Ending::Finished;
    settle(done, wait, status, usage);
  }
  done.worker_bytes = own_resident_bytes();
  return send_packet(socket, encode(done));
}

int serve(int socket, WorkerEngines& engines) {
  while (true) {
    const Packet packet = receive_packet(socket);
    if (packet.state == Packet::State::Closed) {
      return 0;
    }
    if (packet.state == Packet::State::Failed) {
      return 1;
    }
    const auto job = decode_job(packet.bytes);
    if (!job || packet.descriptors[1] < 0) {
      close_if_open(packet.descriptors[0]);
      if (decode_cancel(packet.bytes)) {
        continue;  // of a job that has just ended
      }
      return 1;
    }
    if (!serve_job(socket, *job, engines, packet)) {
      return 0;
    }
  }
}

bool load(WorkerEngines& engines) {
  silence_picture_library();
  engines.warmth = std::make_unique<PdfWarmth>();
  engines.orientation = OrientationFinder::load();
  return engines.warmth->complete() && engines.recognizer_for({}) != nullptr;
}

}  // namespace

int run_worker(int socket) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  ReadyMessage ready{.sandbox = confine_worker(socket)};
  const Packet packet = receive_packet(socket);
  auto hello = decode_hello(packet.bytes);
  if (packet.state != Packet::State::Message || !hello) {
    return packet.state == Packet::State::Closed ? 0 : 1;
  }
  WorkerEngines engines;
  engines.settings = std::move(*hello);
  if (!load(engines)) {
    return 2;
  }
  ready.sandbox.push_back(confine_files(readable_folders(engines)));
  const bool landlock = ready.sandbox.back().state.starts_with("on");
  engines.files = landlock ? FileRules::Landlock : FileRules::NoFiles;
  ready.sandbox.push_back(confine_system_calls(FilterLevel::Worker, FileRules::Landlock));
  if (!send_packet(socket, encode(ready))) {
    return 0;
  }
  return serve(socket, engines);
}

}  // namespace headgate::documents
