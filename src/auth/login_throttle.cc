#include "auth/login_throttle.h"

#include <algorithm>
#include <utility>

namespace headgate::auth {
namespace {

constexpr std::chrono::seconds kLongestDelay{60};
constexpr std::chrono::minutes kForgetAfter{15};
constexpr std::size_t kMaxName = 128;

std::string pair_key(std::string_view account, std::string_view address) {
  return std::string(account.substr(0, kMaxName)) + '\n' + std::string(address);
}

std::string address_key(std::string_view address) { return '\n' + std::string(address); }

}  // namespace

std::chrono::milliseconds LoginThrottle::delay(const Tries& tries, unsigned free, SteadyTime now) {
  if (tries.count < free || now - tries.last > kForgetAfter) {
    return {};
  }
  const unsigned doublings = std::min(tries.count - free, 6U);
  const auto full =
      std::min<std::chrono::milliseconds>(std::chrono::seconds(1U << doublings), kLongestDelay);
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - tries.last);
  return std::max(full - passed, std::chrono::milliseconds(0));
}

const LoginThrottle::Tries* LoginThrottle::find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &*found->second;
}

std::chrono::milliseconds LoginThrottle::wait(std::string_view account, std::string_view address,
                                              SteadyTime now) const {
  std::chrono::milliseconds longest{0};
  if (const Tries* tries = find(pair_key(account, address))) {
    longest = delay(*tries, kFree, now);
  }
  if (const Tries* tries = find(address_key(address))) {
    longest = std::max(longest, delay(*tries, kFreeAddress, now));
  }
  return longest;
}

void LoginThrottle::count(std::string key, SteadyTime now) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    Tries& tries = *found->second;
    tries.count = now - tries.last > kForgetAfter ? 1 : tries.count + 1;
    tries.last = now;
    order_.splice(order_.begin(), order_, found->second);
    return;
  }
  if (order_.size() >= kMaxEntries) {
    by_key_.erase(order_.back().key);
    order_.pop_back();
  }
  order_.push_front({std::move(key), 1, now});
  by_key_.emplace(order_.front().key, order_.begin());
}

void LoginThrottle::failed(std::string_view account, std::string_view address, SteadyTime now) {
  count(pair_key(account, address), now);
  count(address_key(address), now);
}

void LoginThrottle::succeeded(std::string_view account, std::string_view address) {
  const auto found = by_key_.find(pair_key(account, address));
  if (found != by_key_.end()) {
    const auto entry = found->second;
    by_key_.erase(found);
    order_.erase(entry);
  }
}

}  // namespace headgate::auth
