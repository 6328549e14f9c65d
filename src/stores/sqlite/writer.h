#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "base/signal.h"
#include "base/task.h"
#include "stores/sqlite/database.h"

namespace headgate::stores::sqlite {

/// The one thread that changes a database. What waits while a commit is under way shares the next
/// transaction and its one fsync, so throughput grows with load.
class Writer final {
 public:
  struct Limits {
    std::size_t waiting = 16'384;  ///< changes in line; further ones are refused
    std::size_t batch = 1'024;     ///< changes in one transaction
  };
  /// Borrows `database`.
  Writer(Database& database, Limits limits);
  explicit Writer(Database& database) : Writer(database, Limits()) {}
  /// Finishes what waits. No loop may be running that still awaits run().
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Runs `change` (Session& -> Result<T>) on the writer's thread and resumes the caller on its own
  /// loop when it is on disk. One that fails has written nothing: what it wrote before is undone.
  /// If the disk fails, all changes of the transaction do. It may be run twice, so it may not
  /// consume what it needs. Overloaded if too many wait.
  template <class Change>
  auto run(Change change) -> Task<std::invoke_result_t<Change&, Database::Session&>> {
    Pending<Change> pending(std::move(change));
    if (!enqueue(pending)) {
      co_return fail(too_many());
    }
    co_await pending.done.wait();
    co_return std::move(*pending.outcome);
  }

 private:
  struct Waiting {
    EventLoop* loop = EventLoop::current();
    Signal done;
    Waiting() = default;
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    virtual ~Waiting() = default;
    /// Runs the change; the error if it failed.
    virtual std::optional<Error> execute(Database::Session& session) = 0;
    virtual void refuse(const Error& error) = 0;
  };
  enum class Undo : std::uint8_t {
    All,  ///< a change that fails halfway ends the transaction
    One,  ///< such a change alone is undone; costs two statements for each change
  };
  template <class Change>
  struct Pending final : Waiting {
    using Outcome = std::invoke_result_t<Change&, Database::Session&>;
    Change change;
    std::optional<Outcome> outcome;
    explicit Pending(Change given) : change(std::move(given)) {}
    std::optional<Error> execute(Database::Session& session) override {
      outcome.emplace(change(session));
      return *outcome ? std::nullopt : std::optional(outcome->error());
    }
    void refuse(const Error& error) override { outcome.emplace(fail(error)); }
  };

  bool enqueue(Waiting& waiting);
  static Error too_many();
  void work();
  void commit(const std::vector<Waiting*>& batch);
  static Result<void> execute(Database::Session& session, const std::vector<Waiting*>& batch,
                              Undo undo);
  void complete(const std::vector<Waiting*>& batch);

  Database& database_;
  const Limits limits_;
  std::mutex mutex_;  // guards the two fields below
  std::deque<Waiting*> line_;
  bool closing_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace headgate::stores::sqlite
