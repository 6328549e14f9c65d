#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "config/settings.h"

namespace headgate::config {

/// The configuration in force. Any thread may take a snapshot; a reload puts in another one.
class Live final {
 public:
  /// Shared by the holder and by everyone still working with that snapshot: a request under way
  /// keeps the settings it began with, and the last one to finish frees them.
  using Snapshot = std::shared_ptr<const Settings>;

  explicit Live(Settings settings)
      : current_(std::make_shared<const Settings>(std::move(settings))) {}
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  /// Cheap, but not free: take it once where work begins, not for each option.
  Snapshot current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  void replace(Settings settings) {
    Snapshot next = std::make_shared<const Settings>(std::move(settings));
    {
      const std::lock_guard lock(mutex_);
      current_.swap(next);
    }
    // The old snapshot is freed here, outside the lock.
  }

 private:
  mutable std::mutex mutex_;  // guards current_, held for a pointer copy
  Snapshot current_;
};

}  // namespace headgate::config
