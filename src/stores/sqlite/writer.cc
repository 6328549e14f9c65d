#include "stores/sqlite/writer.h"

#include <algorithm>

#include <pthread.h>

namespace headgate::stores::sqlite {

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

void Writer::commit(const std::vector<Waiting*>& batch) {
  auto committed = database_.transaction([&](Database::Session& session) -> Result<void> {
    for (Waiting* waiting : batch) {
      const std::int64_t before = session.total_changes();
      auto failure = waiting->execute(session);
      if (!failure) {
        continue;
      }
      if (is_store_failure(*failure)) {
        return fail(std::move(*failure));
      }
      // A change of which half was written takes the others with it: what is committed is whole.
      if (session.total_changes() != before || !session.in_transaction()) {
        return fail(store_unavailable("a change failed halfway: " + failure->message + " " +
                                      failure->detail));
      }
    }
    return {};
  });
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
