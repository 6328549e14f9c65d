#pragma once

// The template part of event_loop.h.

#include <optional>
#include <utility>

#include "base/event_loop.h"

namespace headgate {
namespace detail {

template <class T>
Task<void> store_result(Task<T> task, std::optional<T>& slot) {
  slot.emplace(co_await std::move(task));
}

}  // namespace detail

template <class T>
T run_on(EventLoop& loop, Task<T> task) {
  std::optional<T> slot;
  loop.run_until_done(detail::store_result(std::move(task), slot));
  return std::move(slot).value();
}

}  // namespace headgate
