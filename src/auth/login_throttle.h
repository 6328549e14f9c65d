#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace headgate::auth {

/// Slows guessing of passwords, per account and per address, and never locks for good: after five
/// wrong tries each further one must wait longer, from one second doubling up to a minute. The
/// owner who comes from an address without wrong tries of its own is always let through. Plain
/// class: not thread safe.
class LoginThrottle final {
 public:
  /// How long this login must wait before it may be tried; zero: now.
  std::chrono::milliseconds wait(std::string_view account, std::string_view address,
                                 SteadyTime now) const;
  void failed(std::string_view account, std::string_view address, SteadyTime now);
  /// A right password forgets the wrong tries of the account from this address.
  void succeeded(std::string_view account, std::string_view address);

 private:
  struct Tries {
    std::string key;
    unsigned count = 0;
    SteadyTime last{};
  };
  static constexpr std::size_t kMaxEntries = 10'000;
  static constexpr unsigned kFree = 5;          // tries of one account from one address
  static constexpr unsigned kFreeAddress = 20;  // tries of one address on any account

  static std::chrono::milliseconds delay(const Tries& tries, unsigned free, SteadyTime now);
  const Tries* find(const std::string& key) const;
  void count(std::string key, SteadyTime now);

  std::list<Tries> order_;  // most recent first; the oldest is forgotten when it is full
  std::unordered_map<std::string_view, std::list<Tries>::iterator> by_key_;
};

}  // namespace headgate::auth
