#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/signal.h"
#include "base/task.h"
#include "testing/raw_server.h"
#include "upstream/client.h"

// A provider's queue of jobs, for tests of what hands work over to it.
namespace headgate::dispatch::fixture {

struct Told {
  int status = 200;
  std::string body;
};

/// RunPod's queue as a test tells it to be; says what it was asked.
class FakeQueue {
 public:
  /// What is answered to "METHOD path", asked for the `n`-th time; unset: the connection is reset.
  using Answer = std::function<std::optional<Told>(const std::string& what, int n)>;

  explicit FakeQueue(Answer answer)
      : answer_(std::move(answer)), server_([this](testing::RawPeer& peer, int) { serve(peer); }) {}

  std::uint16_t port() const { return server_.port(); }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::ptrdiff_t count(std::string_view what) const {
    const std::vector<std::string> all = asked();
    return std::ranges::count(all, what);
  }

 private:
  void serve(testing::RawPeer& peer) {
    while (true) {
      const std::string head = peer.read_head();
      const std::size_t end = head.find(" HTTP/1.1");
      if (end == std::string::npos) {
        return;
      }
      if (const auto length = head.find("Content-Length: "); length != std::string::npos) {
        peer.read_exactly(std::stoul(head.substr(length + 16)));
      }
      const std::string what = head.substr(0, end);
      int n = 0;
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(what);
        n = static_cast<int>(std::ranges::count(asked_, what));
      }
      const auto told = answer_(what, n);
      if (!told) {
        peer.reset();
        return;
      }
      peer.send("HTTP/1.1 " + std::to_string(told->status) +
                " X\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(told->body.size()) + "\r\n\r\n" + told->body);
    }
  }

  Answer answer_;
  mutable std::mutex mutex_;  // guards the next field
  std::vector<std::string> asked_;
  testing::RawServer server_;
};

/// Lets the loop work until no call is under way, for what works by itself would be cut off with
/// it.
inline Task<void> until_quiet(const upstream::Client& client) {
  const auto busy = [&] {
    const upstream::ClientStats stats = client.stats();
    return stats.opened != stats.idle + stats.dirty;
  };
  const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (busy() && std::chrono::steady_clock::now() < until) {
    co_await sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace headgate::dispatch::fixture
