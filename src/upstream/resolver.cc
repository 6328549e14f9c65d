#include "upstream/resolver.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

constexpr std::chrono::seconds kKeepAnswer{30};
constexpr std::chrono::seconds kKeepFailure{2};
constexpr std::size_t kMaxNames = 1024;

using Answer = Result<std::vector<IpAddress>>;

Answer look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (status != 0) {
    return fail(failure(FailurePhase::Dns, host + ": " + ::gai_strerror(status)));
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    IpAddress address;
    if (at->ai_family == AF_INET) {
      std::memcpy(address.bytes.data(), &reinterpret_cast<sockaddr_in*>(at->ai_addr)->sin_addr, 4);
    } else if (at->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<sockaddr_in6*>(at->ai_addr);
      address.family = IpAddress::Family::V6;
      address.scope = v6->sin6_scope_id;
      std::memcpy(address.bytes.data(), &v6->sin6_addr, 16);
    } else {
      continue;
    }
    if (std::ranges::find(addresses, address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  ::freeaddrinfo(list);
  if (addresses.empty()) {
    return fail(failure(FailurePhase::Dns, host + ": no address"));
  }
  return addresses;
}

}  // namespace

struct Resolver::Impl {
  struct Kept {
    Answer answer;
    SteadyTime until;
  };
  BlockingPool& pool;
  const Clock& clock;
  std::mutex mutex;  // guards `kept`
  std::unordered_map<std::string, Kept> kept;

  std::optional<Answer> find(const std::string& host) {
    const std::lock_guard lock(mutex);
    const auto found = kept.find(host);
    if (found == kept.end() || found->second.until <= clock.steady()) {
      return std::nullopt;
    }
    return found->second.answer;
  }
  void keep(const std::string& host, const Answer& answer) {
    const std::lock_guard lock(mutex);
    const SteadyTime now = clock.steady();
    if (kept.size() >= kMaxNames) {
      std::erase_if(kept, [&](const auto& entry) { return entry.second.until <= now; });
      if (kept.size() >= kMaxNames) {
        kept.clear();
      }
    }
    kept.insert_or_assign(host, Kept{answer, now + (answer ? kKeepAnswer : kKeepFailure)});
  }
};

Resolver::Resolver(BlockingPool& pool, const Clock& clock)
    : impl_(new Impl{.pool = pool, .clock = clock, .mutex = {}, .kept = {}}) {}
Resolver::~Resolver() = default;

Task<Answer> Resolver::resolve(std::string host) {
  if (const auto literal = parse_address(host)) {
    co_return std::vector<IpAddress>{*literal};
  }
  if (auto kept = impl_->find(host)) {
    co_return std::move(*kept);
  }
  auto looked_up = co_await impl_->pool.run([host] { return look_up(host); });
  if (!looked_up) {
    co_return fail(looked_up.error());
  }
  impl_->keep(host, *looked_up);
  co_return std::move(*looked_up);
}

}  // namespace headgate::upstream
