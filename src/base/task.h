#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/recycler.h"

// Asio keeps two freed coroutine frames a thread and asks malloc for the rest; a request has some
// fifteen. These specialisations replace its cache.
namespace boost::asio::detail {

template <>
inline void* thread_info_base::allocate(awaitable_frame_tag, thread_info_base*, std::size_t size,
                                        std::size_t) {
  return headgate::recycled_new(size);
}
template <>
inline void thread_info_base::deallocate(awaitable_frame_tag, thread_info_base*, void* block,
                                         std::size_t size) {
  headgate::recycled_delete(block, size);
}

}  // namespace boost::asio::detail

namespace headgate {

/// The concrete executor of an event loop; the type-erased one costs 7 % of a request.
using Executor = boost::asio::io_context::executor_type;

/// A coroutine that runs on one event loop. Awaiting it starts it; dropping it unawaited does
/// nothing.
template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

}  // namespace headgate
