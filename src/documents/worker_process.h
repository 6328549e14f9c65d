#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "documents/document.h"
#include "documents/worker_protocol.h"

namespace headgate::documents {

/// One worker as the gateway holds it: a child process and the socket to it. Belongs to one thread,
/// which must live as long: the kernel ends the worker with the thread that started it.
class WorkerProcess final {
 public:
  /// Starts `<executable> worker` and waits until it is ready or `until`, or until `wake` (an
  /// eventfd) is readable.
  static Result<std::unique_ptr<WorkerProcess>> start(const std::string& executable,
                                                      const HelloMessage& hello, int wake,
                                                      SteadyTime until);
  /// Kills it and its page process and waits for both.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  struct Outcome {
    bool worker_lost = false;  ///< it died or stopped answering; of no further use
    DoneMessage done;
    std::string answer;  ///< of the page process; untrusted
  };
  /// Has one job done. When `wake` becomes readable, `cancelled` is asked.
  Outcome run(const Document& document, const JobMessage& job, int wake,
              const std::atomic<bool>& cancelled);

  /// Waits until `wake` is readable or the worker dies (false).
  bool wait_idle(int wake);

  int id() const { return id_; }
  const std::vector<SandboxStatus>& sandbox() const { return sandbox_; }

 private:
  WorkerProcess(int id, int socket) : id_(id), socket_(socket) {}
  Result<void> greet(const HelloMessage& hello, int wake, SteadyTime until);

  int id_;
  int socket_;
  std::vector<SandboxStatus> sandbox_;
};

/// Empties an eventfd.
void drain_event(int event);

}  // namespace headgate::documents
