#include "documents/worker_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "documents/packet_socket.h"

namespace headgate::documents {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWorkerSocket = 3;
// The worker ends a page itself when its time is up; one that does not is ended from here.
constexpr std::chrono::milliseconds kGrace{2000};
constexpr std::chrono::milliseconds kCancelGrace{1000};

Error system_error(const char* what, int code) {
  Error error = overloaded("The document workers cannot be started.", std::chrono::seconds(5));
  error.detail = std::string(what) + ": " + std::strerror(code);
  return error;
}

int milliseconds_until(SteadyTime when) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(when - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 3600'000));
}

/// Only what the worker has use for: nothing of ours, which may hold secrets.
std::vector<std::string> worker_environment() {
  std::vector<std::string> environment = {"LC_ALL=C", "OMP_THREAD_LIMIT=1", "PATH=/usr/bin:/bin"};
  constexpr std::size_t kMost = 8;
  environment.reserve(kMost);
  for (const char* const name : {"TESSDATA_PREFIX", "LD_LIBRARY_PATH", "ASAN_OPTIONS",
                                 "UBSAN_OPTIONS", "LLVM_PROFILE_FILE"}) {
    if (const char* const value = std::getenv(name); value != nullptr) {
      environment.push_back(std::string(name) + "=" + value);
    }
  }
  return environment;
}

class SpawnPlan {
 public:
  explicit SpawnPlan(int socket) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, STDIN_FILENO, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, socket, kWorkerSocket);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kWorkerSocket + 1);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int spawn(const std::string& executable, pid_t& id) {
    std::string name = "headgate";
    std::string command = "worker";
    std::array<char*, 3> arguments{name.data(), command.data(), nullptr};
    std::vector<std::string> environment = worker_environment();
    std::vector<char*> pointers;
    pointers.reserve(environment.size() + 1);
    for (std::string& entry : environment) {
      pointers.push_back(entry.data());
    }
    pointers.push_back(nullptr);
    return ::posix_spawn(&id, executable.c_str(), &actions_, &attributes_, arguments.data(),
                         pointers.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// Reads what is there into `answer`. False at the end or when the answer is over its limit.
bool read_some(int pipe, std::string& answer) {
  constexpr std::size_t kStep = 64 << 10;
  const std::size_t size = answer.size();
  if (size > kMaxAnswerBytes) {
    return false;
  }
  answer.resize(size + kStep);
  const ssize_t got = ::read(pipe, answer.data() + size, kStep);
  answer.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace

void drain_event(int event) {
  std::uint64_t count = 0;
  (void)!::read(event, &count, sizeof count);
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const std::string& executable,
                                                            const HelloMessage& hello, int wake,
                                                            SteadyTime until) {
  std::array<int, 2> pair{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return fail(system_error("socketpair", errno));
  }
  pid_t id = -1;
  const int error = SpawnPlan(pair[1]).spawn(executable, id);
  ::close(pair[1]);
  if (error != 0) {
    ::close(pair[0]);
    return fail(system_error("starting a worker", error));
  }
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess(id, pair[0]));
  if (auto greeted = worker->greet(hello, wake, until); !greeted) {
    return fail(greeted.error());
  }
  return worker;
}

Result<void> WorkerProcess::greet(const HelloMessage& hello, int wake, SteadyTime until) {
  if (!send_packet(socket_, encode(hello))) {
    return fail(system_error("greeting a worker", errno));
  }
  std::array<pollfd, 2> ready{
      {{.fd = socket_, .events = POLLIN, .revents = 0}, {.fd = wake, .events = 0, .revents = 0}}};
  // Of the wake-ups only the one for stopping matters here, and it comes with a closed line.
  int count = 0;
  do {
    count = ::poll(ready.data(), ready.size(), milliseconds_until(until));
  } while (count < 0 && errno == EINTR);
  if (count <= 0 || ready[0].revents == 0) {
    return fail(system_error("a worker did not get ready", count > 0 ? ECANCELED : ETIMEDOUT));
  }
  const Packet packet = receive_packet(socket_);
  auto message = decode_ready(packet.bytes);
  if (packet.state != Packet::State::Message || !message) {
    return fail(system_error("a worker ended while starting (language data missing?)", ECONNRESET));
  }
  sandbox_ = std::move(message->sandbox);
  return {};
}

WorkerProcess::~WorkerProcess() {
  ::close(socket_);
  ::kill(-id_, SIGKILL);  // its session: the page process too
  ::kill(id_, SIGKILL);
  while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool WorkerProcess::wait_idle(int wake) {
  std::array<pollfd, 2> ready{{{.fd = socket_, .events = POLLIN, .revents = 0},
                               {.fd = wake, .events = POLLIN, .revents = 0}}};
  int count = 0;
  do {
    count = ::poll(ready.data(), ready.size(), -1);
  } while (count < 0 && errno == EINTR);
  if (ready[1].revents != 0) {
    drain_event(wake);
  }
  return ready[0].revents == 0;  // an idle worker has nothing to say but that it died
}

WorkerProcess::Outcome WorkerProcess::run(const Document& document, const JobMessage& job, int wake,
                                          const std::atomic<bool>& cancelled) {
  Outcome outcome;
  outcome.done.id = job.id;
  std::array<int, 2> pipe{-1, -1};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    outcome.done.ending = DoneMessage::Ending::NotStarted;
    return outcome;
  }
  ::fcntl(pipe[1], F_SETFL, 0);  // the page process writes with patience
  const bool sent = send_packet(socket_, encode(job), {document.descriptor(), pipe[1]});
  ::close(pipe[1]);
  auto until = Clock::now() + std::chrono::milliseconds(job.timeout_milliseconds) + kGrace;
  bool told = false;
  bool open = true;
  bool done = false;
  while (sent && !(done && !open)) {
    std::array<pollfd, 3> ready{{{.fd = done ? -1 : socket_, .events = POLLIN, .revents = 0},
                                 {.fd = open ? pipe[0] : -1, .events = POLLIN, .revents = 0},
                                 {.fd = wake, .events = POLLIN, .revents = 0}}};
    const int count = ::poll(ready.data(), ready.size(), milliseconds_until(until));
    if (count == 0 && Clock::now() >= until) {
      break;
    }
    if (count <= 0) {
      continue;
    }
    if (ready[1].revents != 0) {
      open = read_some(pipe[0], outcome.answer);
    }
    if (ready[2].revents != 0) {
      drain_event(wake);
    }
    const bool oversized = outcome.answer.size() > kMaxAnswerBytes;
    if ((cancelled.load() || oversized) && !told && !done) {
      told = true;
      until = std::min(until, Clock::now() + kCancelGrace);
      (void)send_packet(socket_, encode(CancelMessage{.id = job.id}));
    }
    if (ready[0].revents != 0) {
      const Packet packet = receive_packet(socket_);
      const auto message = decode_done(packet.bytes);
      if (packet.state != Packet::State::Message || !message || message->id != job.id) {
        break;
      }
      outcome.done = *message;
      done = true;
    }
  }
  ::close(pipe[0]);
  outcome.worker_lost = !(done && !open);
  return outcome;
}

}  // namespace headgate::documents
