#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "base/task.h"

namespace headgate {

/// A bounded number of threads for work that blocks (SQLite, files, hashing), with a bounded line.
class BlockingPool final {
 public:
  /// `name` labels the threads; at most `max_waiting` jobs wait, further ones are refused.
  BlockingPool(std::string name, std::size_t threads, std::size_t max_waiting);
  /// Finishes what is queued, then joins.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `function` on a pool thread and resumes the calling coroutine on its own loop with what
  /// it returned (an optional<T>, or a Result<T> as it is). Overloaded if the line is full. The
  /// function is moved in: it must own what it uses, or borrow what outlives the await.
  template <class Function>
  auto run(Function function) -> Task<Result<std::invoke_result_t<Function&>>> {
    using Value = std::invoke_result_t<Function&>;
    std::optional<Value> value;
    auto done = co_await run_erased([&] { value.emplace(function()); });
    if (!done) {
      co_return fail(done.error());
    }
    co_return std::move(*value);
  }

  /// Runs `work` on a pool thread without anyone waiting. False if the line is full. Any thread.
  bool post(std::move_only_function<void()> work);

 private:
  Task<Result<void>> run_erased(std::move_only_function<void()> work);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate
