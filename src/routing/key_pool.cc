#include "routing/key_pool.h"

#include <algorithm>

namespace headgate::routing {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kFirstRest{1};
constexpr std::uint32_t kMostDoublings = 6;  ///< to about a minute
constexpr seconds kFirstRefusal{5};
constexpr seconds kLongestRefusal{300};
/// Tenths of the declared rate from which a key counts as busy.
constexpr std::uint64_t kBusyTenths = 8;

std::int64_t ticks(SteadyTime time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

std::int64_t second_of(SteadyTime time) {
  return std::chrono::floor<seconds>(time.time_since_epoch()).count();
}

void raise(std::atomic<std::int64_t>& value, std::int64_t to) {
  std::int64_t seen = value.load(std::memory_order_relaxed);
  while (seen < to && !value.compare_exchange_weak(seen, to, std::memory_order_relaxed)) {
  }
}

}  // namespace

void KeyState::forget_before(std::int64_t second) const {
  if (second <= newest_) {
    return;
  }
  const auto slices = static_cast<std::int64_t>(kSlices);
  const std::int64_t steps = std::min(second - newest_, slices);
  for (std::int64_t step = 0; step < steps; ++step) {
    std::uint32_t& oldest = calls_[static_cast<std::size_t>((second - step) % slices)];
    sum_ -= oldest;
    oldest = 0;
  }
  newest_ = second;
}

bool KeyState::take(std::uint64_t per_minute, SteadyTime now) {
  if (rests(now)) {
    return false;
  }
  if (per_minute == 0) {
    return true;
  }
  const std::lock_guard lock(mutex_);
  forget_before(second_of(now));
  if (sum_ >= per_minute) {
    return false;
  }
  ++calls_[static_cast<std::size_t>(newest_ % static_cast<std::int64_t>(kSlices))];
  ++sum_;
  return true;
}

void KeyState::rate_limited(std::optional<std::chrono::milliseconds> retry_after, SteadyTime now) {
  if (retry_after) {
    raise(rests_until_, ticks(now + *retry_after));
    return;
  }
  if (rests(now)) {
    return;  // sent before the rest began: says nothing new
  }
  const std::uint32_t times = limited_in_row_.fetch_add(1, std::memory_order_relaxed);
  raise(rests_until_, ticks(now + kFirstRest * (1LL << std::min(times, kMostDoublings))));
}

void KeyState::refused(SteadyTime now) {
  if (rests(now)) {
    return;  // sent before the rest began: says nothing new
  }
  const std::uint32_t times = refused_in_row_.fetch_add(1, std::memory_order_relaxed);
  const seconds rest = kFirstRefusal * (1LL << std::min(times, kMostDoublings));
  raise(rests_until_, ticks(now + std::min(rest, kLongestRefusal)));
}

void KeyState::accepted() {
  if (limited_in_row_.load(std::memory_order_relaxed) != 0) {
    limited_in_row_.store(0, std::memory_order_relaxed);
  }
  if (refused_in_row_.load(std::memory_order_relaxed) != 0) {
    refused_in_row_.store(0, std::memory_order_relaxed);
  }
}

void KeyState::wake() {
  accepted();
  rests_until_.store(0, std::memory_order_relaxed);
}

SteadyTime KeyState::rests_until() const {
  return SteadyTime(nanoseconds(rests_until_.load(std::memory_order_relaxed)));
}

std::uint64_t KeyState::recent(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  forget_before(second_of(now));
  return sum_;
}

SteadyTime KeyState::free_at(std::uint64_t per_minute, SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  forget_before(second_of(now));
  const auto slices = static_cast<std::int64_t>(kSlices);
  std::uint64_t left = sum_;
  SteadyTime free = now;
  for (std::int64_t second = newest_ - slices + 1; left >= per_minute && second <= newest_;
       ++second) {
    if (second < 0) {
      continue;
    }
    left -= calls_[static_cast<std::size_t>(second % slices)];
    free = SteadyTime(seconds(second + slices));
  }
  return std::max(free, now);
}

KeyPool::Look KeyPool::look(SteadyTime now) const {
  Look look{.load = Load::Full, .free_at = SteadyTime::max()};
  for (const auto& key : keys_) {
    const bool rests = key->rests(now);
    if (!rests && per_minute_ == 0) {
      return {.load = Load::Free, .free_at = now};
    }
    if (!rests) {
      const std::uint64_t recent = key->recent(now);
      if (recent * 10 < per_minute_ * kBusyTenths) {
        return {.load = Load::Free, .free_at = now};
      }
      if (recent < per_minute_) {
        look.load = Load::Busy;
        continue;
      }
    }
    look.limited = look.limited || (rests && !key->is_refused());
    look.refused = look.refused || (rests && key->is_refused());
    const SteadyTime rate_free = per_minute_ == 0 ? now : key->free_at(per_minute_, now);
    look.free_at = std::min(look.free_at, std::max(rate_free, key->rests_until()));
  }
  if (look.load == Load::Busy) {
    look.free_at = now;
  }
  return look;
}

std::optional<std::size_t> KeyPool::take(SteadyTime now) {
  const std::size_t count = keys_.size();
  if (count == 1) {
    return keys_.front()->take(per_minute_, now) ? std::optional<std::size_t>(0) : std::nullopt;
  }
  const std::size_t first = turn_.fetch_add(1, std::memory_order_relaxed);
  const auto next_within = [&](std::uint64_t limit) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t index = (first + i) % count;
      if (keys_[index]->take(limit, now)) {
        return index;
      }
    }
    return std::nullopt;
  };
  // Keys with room are preferred to those that come close to their rate.
  const std::uint64_t busy = per_minute_ * kBusyTenths / 10;
  const auto free = busy == 0 ? std::nullopt : next_within(busy);
  return free ? free : next_within(per_minute_);
}

bool KeyPool::has_other(std::size_t but, SteadyTime now) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const bool usable = i != but && !keys_[i]->rests(now) &&
                        (per_minute_ == 0 || keys_[i]->recent(now) < per_minute_);
    if (usable) {
      return true;
    }
  }
  return false;
}

}  // namespace headgate::routing
