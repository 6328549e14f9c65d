#include "auth/login_throttle.h"

#include <algorithm>
#include <array>
#include <utility>

#include <arpa/inet.h>

#include "base/encoding.h"

namespace headgate::auth {
namespace {

constexpr std::chrono::seconds kLongestDelay{60};
constexpr std::chrono::minutes kForgetAfter{15};
constexpr std::size_t kMaxName = 128;

/// One customer has a whole /64 of IPv6 addresses.
std::string network_of(std::string_view address) {
  std::array<char, 16> bytes{};
  std::string text(address);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    return hex({bytes.data(), 8});
  }
  return text;
}

std::string pair_key(std::string_view account, std::string_view address) {
  return "p" + network_of(address) + "\n" + std::string(account.substr(0, kMaxName));
}

std::string address_key(std::string_view address) { return "n" + network_of(address); }

std::string account_key(std::string_view account) {
  return "a" + std::string(account.substr(0, kMaxName));
}

}  // namespace

std::chrono::milliseconds LoginThrottle::delay(const Tries& tries, unsigned free, SteadyTime now) {
  if (tries.count < free) {
    return {};
  }
  const unsigned doublings = std::min(tries.count - free, 6U);
  const auto full =
      std::min<std::chrono::milliseconds>(std::chrono::seconds(1U << doublings), kLongestDelay);
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - tries.last);
  return std::max(full - passed, std::chrono::milliseconds(0));
}

const LoginThrottle::Tries* LoginThrottle::find(const std::string& key, SteadyTime now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return nullptr;
  }
  if (now - found->second->last > kForgetAfter) {
    erase(found->second);
    return nullptr;
  }
  return &*found->second;
}

std::chrono::milliseconds LoginThrottle::begin(std::string_view account, std::string_view address,
                                               SteadyTime now) {
  const Tries* const of_account = find(account_key(account), now);
  const bool under_fire = of_account != nullptr && of_account->count >= kFreeAccount;
  std::chrono::milliseconds longest{0};
  if (const Tries* tries = find(pair_key(account, address), now)) {
    longest = delay(*tries, under_fire ? kFreeUnderFire : kFree, now);
  }
  if (const Tries* tries = find(address_key(address), now)) {
    longest = std::max(longest, delay(*tries, kFreeAddress, now));
  }
  if (longest.count() == 0) {
    count(pair_key(account, address), now);
    count(address_key(address), now);
    count(account_key(account), now);
  }
  return longest;
}

void LoginThrottle::count(std::string key, SteadyTime now) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    ++found->second->count;
    found->second->last = now;
    order_.splice(order_.begin(), order_, found->second);
    return;
  }
  if (order_.size() >= kMaxEntries) {
    erase(std::prev(order_.end()));
  }
  order_.push_front({std::move(key), 1, now});
  by_key_.emplace(order_.front().key, order_.begin());
}

void LoginThrottle::succeeded(std::string_view account, std::string_view address) {
  const auto found = by_key_.find(pair_key(account, address));
  if (found != by_key_.end()) {
    erase(found->second);
  }
  forget_one(address_key(address));
  forget_one(account_key(account));
}

void LoginThrottle::abandoned(std::string_view account, std::string_view address) {
  forget_one(pair_key(account, address));
  forget_one(address_key(address));
  forget_one(account_key(account));
}

void LoginThrottle::forget_one(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end() && --found->second->count == 0) {
    erase(found->second);
  }
}

void LoginThrottle::erase(Entry entry) {
  by_key_.erase(entry->key);
  order_.erase(entry);
}

}  // namespace headgate::auth
