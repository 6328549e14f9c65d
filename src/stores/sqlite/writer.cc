#include "stores/sqlite/writer.h"

#include <algorithm>

#include <pthread.h>

namespace headgate::stores::sqlite {
namespace {

constexpr std::string_view kHalfway = "change_failed_halfway";

/// What the change says of itself, but never that it was in conflict: it took place, in part.
Error failed_halfway(Error error) {
  error.detail = "a change failed halfway: " + error.message + " " + error.detail;
  if (error.kind == ErrorKind::Conflict) {
    error.kind = ErrorKind::Internal;
  }
  error.code = kHalfway;
  return error;
}

}  // namespace

Writer::Writer(Database& database, Limits limits)
    : database_(database), limits_(limits), thread_([this] { work(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Error Writer::too_many() {
  return overloaded("The store is busy, please try again shortly.", std::chrono::seconds(1));
}

bool Writer::enqueue(Waiting& waiting) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || line_.size() >= limits_.waiting) {
      return false;
    }
    first = line_.empty();
    line_.push_back(&waiting);
  }
  if (first) {
    changed_.notify_one();
  }
  return true;
}

void Writer::work() {
  pthread_setname_np(pthread_self(), "store-writer");
  std::vector<Waiting*> batch;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !line_.empty(); });
      if (line_.empty()) {
        return;
      }
      const auto end =
          line_.begin() + static_cast<std::ptrdiff_t>(std::min(line_.size(), limits_.batch));
      batch.assign(line_.begin(), end);
      line_.erase(line_.begin(), end);
    }
    commit(batch);
    complete(batch);
  }
}

Result<void> Writer::execute(Database::Session& session, const std::vector<Waiting*>& batch,
                             Undo undo) {
  const auto mark = [&](std::string_view statement) -> Result<void> {
    if (undo == Undo::All) {
      return {};
    }
    auto prepared = session.prepare(statement);
    return prepared ? prepared->run() : fail(prepared.error());
  };
  for (Waiting* waiting : batch) {
    const std::int64_t before = session.total_changes();
    auto marked = mark("SAVEPOINT change");
    if (!marked) {
      return marked;
    }
    auto failure = waiting->execute(session);
    if (failure && is_store_failure(*failure)) {
      return fail(std::move(*failure));
    }
    if (!session.in_transaction()) {
      return fail(store_unavailable("a change ended its transaction"));
    }
    if (failure && session.total_changes() != before) {
      if (undo == Undo::All) {
        return fail(failed_halfway(std::move(*failure)));
      }
      marked = mark("ROLLBACK TO change");
      waiting->refuse(failed_halfway(std::move(*failure)));
    }
    if (marked) {
      marked = mark("RELEASE change");
    }
    if (!marked) {
      return marked;
    }
  }
  return {};
}

void Writer::commit(const std::vector<Waiting*>& batch) {
  const auto try_with = [&](Undo undo) {
    return database_.transaction(
        [&](Database::Session& session) { return execute(session, batch, undo); });
  };
  auto committed = try_with(Undo::All);
  if (!committed && committed.error().code == kHalfway) {
    committed = try_with(Undo::One);
  }
  if (committed) {
    return;
  }
  for (Waiting* waiting : batch) {
    waiting->refuse(committed.error());
  }
  // After a failed write or fsync nobody knows what is in the page cache and in the log: only a
  // fresh connection, which reads the log from the disk again, does.
  database_.reopen();
}

void Writer::complete(const std::vector<Waiting*>& batch) {
  // One message for each loop: a message costs a wake-up.
  std::vector<std::pair<EventLoop*, std::vector<Waiting*>>> by_loop;
  for (Waiting* waiting : batch) {
    auto found =
        std::ranges::find(by_loop, waiting->loop, [](const auto& entry) { return entry.first; });
    if (found == by_loop.end()) {
      found = by_loop.insert(by_loop.end(), {waiting->loop, {}});
    }
    found->second.push_back(waiting);
  }
  for (auto& [loop, waiting] : by_loop) {
    loop->post([done = std::move(waiting)] {
      for (Waiting* each : done) {
        each->done.notify();
      }
    });
  }
}

}  // namespace headgate::stores::sqlite
