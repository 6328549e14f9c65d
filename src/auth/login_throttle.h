#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace headgate::auth {

/// Slows the guessing of passwords and never locks for good. Three things are counted over fifteen
/// minutes: tries of an account from an address, of an address on any account, and of an account
/// from anywhere. After the free ones each further try must wait, from one second doubling up to a
/// minute. An account that is tried from many addresses leaves each address one free try only, so
/// its owner, who needs no second one, still gets in. IPv6 addresses count by their /64.
///
/// A try counts as wrong until it has succeeded: many at once gain nothing. Plain class: not thread
/// safe; memory is bounded.
class LoginThrottle final {
 public:
  /// How long this login must wait before it may be tried; zero: go on, and it is counted.
  std::chrono::milliseconds begin(std::string_view account, std::string_view address,
                                  SteadyTime now);
  /// The password was right: forgets the tries of the account from this address.
  void succeeded(std::string_view account, std::string_view address);
  /// The password was not checked: takes the count of `begin` back.
  void abandoned(std::string_view account, std::string_view address);

 private:
  struct Tries {
    std::string key;
    unsigned count = 0;
    SteadyTime last{};
  };
  using Entry = std::list<Tries>::iterator;
  static constexpr std::size_t kMaxEntries = 30'000;
  static constexpr unsigned kFree = 5;           // tries of one account from one address
  static constexpr unsigned kFreeUnderFire = 1;  // the same once the account is tried from all over
  static constexpr unsigned kFreeAddress = 20;   // tries of one address on any account
  static constexpr unsigned kFreeAccount = 20;   // tries of one account from any address

  static std::chrono::milliseconds delay(const Tries& tries, unsigned free, SteadyTime now);
  const Tries* find(const std::string& key, SteadyTime now);
  void count(std::string key, SteadyTime now);
  void forget_one(const std::string& key);
  void erase(Entry entry);

  std::list<Tries> order_;  // most recent first; the oldest is forgotten when it is full
  std::unordered_map<std::string_view, Entry> by_key_;
};

}  // namespace headgate::auth
