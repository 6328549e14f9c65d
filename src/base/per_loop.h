#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "base/event_loop.h"

namespace headgate {

/// One T for each event loop, reached without locks from the loop it belongs to.
template <class T>
class PerLoop final {
 public:
  /// `make(index)` builds the T of each loop.
  PerLoop(std::size_t loops, const std::function<T(std::size_t)>& make) {
    for (std::size_t i = 0; i < loops; ++i) {
      items_.push_back(make(i));
    }
  }
  /// The calling loop's own.
  T& here() { return items_[EventLoop::current()->index()]; }
  const T& here() const { return items_[EventLoop::current()->index()]; }
  T& at(std::size_t index) { return items_[index]; }
  std::size_t size() const { return items_.size(); }

 private:
  std::deque<T> items_;
};

}  // namespace headgate
