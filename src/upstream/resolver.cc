#include "upstream/resolver.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/event_loop.h"
#include "base/signal.h"
#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

constexpr std::chrono::seconds kKeepAnswer{30};
constexpr std::chrono::seconds kKeepFailure{2};
constexpr std::size_t kMaxNames = 1024;
constexpr std::size_t kMaxAddresses = 16;

using Answer = Result<std::vector<IpAddress>>;

/// One coroutine that waits. Shared with the callback that brings the answer, which may come after
/// the coroutine has left.
struct Waiter {
  EventLoop* loop = nullptr;
  Signal signal;
  std::optional<Answer> answer;
};

/// Families in turn, beginning with the preferred one, so that a dead family costs one attempt.
std::vector<IpAddress> alternate(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> first;
  std::vector<IpAddress> second;
  for (const IpAddress& address : addresses) {
    auto& side = address.family == addresses.front().family ? first : second;
    if (std::ranges::find(side, address) == side.end()) {
      side.push_back(address);
    }
  }
  std::vector<IpAddress> out;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) {
      out.push_back(first[i]);
    }
    if (i < second.size()) {
      out.push_back(second[i]);
    }
  }
  out.resize(std::min(out.size(), kMaxAddresses));
  return out;
}

}  // namespace

Result<std::vector<IpAddress>> system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (status != 0) {
    return fail(failure(FailurePhase::Dns, host + ": " + ::gai_strerror(status)));
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    IpAddress address;
    if (at->ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, at->ai_addr, sizeof v4);
      std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
    } else if (at->ai_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, at->ai_addr, sizeof v6);
      address.family = IpAddress::Family::V6;
      address.scope = v6.sin6_scope_id;
      std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
    } else {
      continue;
    }
    addresses.push_back(address);
  }
  ::freeaddrinfo(list);
  return addresses;
}

struct Resolver::Impl {
  struct Entry {
    std::optional<Answer> answer;  // empty while it is being looked up
    SteadyTime until{};
    std::vector<std::shared_ptr<Waiter>> waiters;
  };
  BlockingPool& pool;
  const Clock& clock;
  const Lookup lookup;
  std::mutex mutex;  // guards `entries`
  std::unordered_map<std::string, Entry> entries;

  /// The answer if it is known and fresh. Otherwise `waiter` will get it; `*first` says that the
  /// caller must look it up.
  std::optional<Answer> find_or_join(const std::string& host, const std::shared_ptr<Waiter>& waiter,
                                     bool* first) {
    const std::lock_guard lock(mutex);
    const SteadyTime now = clock.steady();
    auto found = entries.find(host);
    if (found != entries.end() && found->second.answer) {
      if (now < found->second.until) {
        return found->second.answer;
      }
      entries.erase(found);
      found = entries.end();
    }
    *first = found == entries.end();
    if (*first) {
      make_room(now);
      found = entries.try_emplace(host).first;
    }
    found->second.waiters.push_back(waiter);
    return std::nullopt;
  }

  /// Names being looked up always stay; they are bounded by the pool's line.
  void make_room(SteadyTime now) {
    if (entries.size() < kMaxNames) {
      return;
    }
    std::erase_if(entries, [&](const auto& e) { return e.second.answer && e.second.until <= now; });
    if (entries.size() >= kMaxNames) {
      std::erase_if(entries, [](const auto& e) { return e.second.answer.has_value(); });
    }
  }

  void finish(const std::string& host, Answer answer) {
    if (answer && answer->empty()) {
      answer = fail(failure(FailurePhase::Dns, host + ": no address"));
    } else if (answer) {
      answer = alternate(*answer);
    }
    std::vector<std::shared_ptr<Waiter>> waiters;
    {
      const std::lock_guard lock(mutex);
      Entry& entry = entries[host];
      waiters.swap(entry.waiters);
      entry.until = clock.steady() + (answer ? kKeepAnswer : kKeepFailure);
      entry.answer = answer;
    }
    for (auto& waiter : waiters) {
      EventLoop* const loop = waiter->loop;
      loop->post([waiter = std::move(waiter), answer] {
        waiter->answer = answer;
        waiter->signal.notify();
      });
    }
  }
};

Resolver::Resolver(BlockingPool& pool, const Clock& clock, Lookup lookup)
    : impl_(new Impl{
          .pool = pool, .clock = clock, .lookup = std::move(lookup), .mutex = {}, .entries = {}}) {}
Resolver::~Resolver() = default;

Task<Answer> Resolver::resolve(std::string host, SteadyTime until, CancelSource* cancel) {
  if (const auto literal = parse_address(host)) {
    co_return std::vector<IpAddress>{*literal};
  }
  const auto waiter = std::make_shared<Waiter>();
  waiter->loop = EventLoop::current();
  bool first = false;
  if (auto known = impl_->find_or_join(host, waiter, &first)) {
    co_return std::move(*known);
  }
  if (first &&
      !impl_->pool.post([impl = impl_, host] { impl->finish(host, impl->lookup(host)); })) {
    impl_->finish(host, fail(failure(FailurePhase::Dns, host + ": too many look-ups")));
  }
  CancelSource never;
  const OnCancel wake(cancel != nullptr ? *cancel : never, [&] { waiter->signal.notify(); });
  co_await waiter->signal.wait_until(until);
  if (cancel != nullptr && cancel->cancelled()) {
    co_return fail(client_left());
  }
  if (waiter->answer) {
    co_return std::move(*waiter->answer);
  }
  co_return fail(failure(FailurePhase::ConnectTimeout, host + ": the name look-up took too long"));
}

}  // namespace headgate::upstream
