#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stores/event_log.h"
#include "stores/job_store.h"

namespace headgate::testing {

/// What goes wrong with one call of a store.
enum class Trouble : std::uint8_t {
  None,
  Refused,  ///< store_unavailable, and nothing was done
  InDoubt,  ///< store_unavailable, and yet it was done
  Damaged,  ///< an error that is no trouble of the disk: the next call will not fare better
  Throws,
};

/// Which of the next calls go wrong, by name ("load", "finish", ...). Thread safe.
class Troubles final {
 public:
  /// The next `times` calls.
  void add(const std::string& call, Trouble trouble, int times = 1) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) {
      planned_[call].push_back(trouble);
    }
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    planned_.clear();
  }
  /// Called before each call with its name.
  std::function<void(std::string_view)> on_call = [](std::string_view) {};

  template <class T>
  Task<Result<T>> pass(std::string call, Task<Result<T>> inner) {
    const Trouble trouble = next(call);
    on_call(call);
    if (trouble == Trouble::Throws) {
      throw std::runtime_error("a bug in " + call);
    }
    if (trouble == Trouble::Refused) {
      co_return fail(unavailable());
    }
    if (trouble == Trouble::Damaged) {
      co_return fail(internal_error("database disk image is malformed"));
    }
    auto done = co_await std::move(inner);
    if (trouble == Trouble::InDoubt && done) {
      co_return fail(unavailable());
    }
    co_return done;
  }

 private:
  static Error unavailable() {
    Error error = overloaded("The store cannot write now.", std::chrono::seconds(1));
    error.code = "store_unavailable";
    return error;
  }
  Trouble next(const std::string& call) {
    const std::lock_guard lock(mutex_);
    auto& planned = planned_[call];
    if (planned.empty()) {
      return Trouble::None;
    }
    const Trouble first = planned.front();
    planned.erase(planned.begin());
    return first;
  }

  std::mutex mutex_;  // guards the next field
  std::map<std::string, std::vector<Trouble>> planned_;
};

/// Passes on to a store, but for what goes wrong. Borrows both.
class TroubledJobs final : public stores::JobStore {
 public:
  TroubledJobs(stores::JobStore& jobs, Troubles& troubles) : jobs_(jobs), troubles_(troubles) {}

  Task<Result<stores::Submitted>> submit(stores::NewJob job) override {
    return troubles_.pass("submit", jobs_.submit(std::move(job)));
  }
  Task<Result<stores::LoadedJob>> load(model::JobSeq seq) override {
    return troubles_.pass("load", jobs_.load(seq));
  }
  Task<Result<std::int64_t>> begin_attempt(model::JobSeq seq, std::int64_t fence,
                                           std::vector<model::JobAttempt> attempts) override {
    return troubles_.pass("begin_attempt", jobs_.begin_attempt(seq, fence, std::move(attempts)));
  }
  Task<Result<void>> note_attempts(model::JobSeq seq, std::int64_t fence,
                                   std::vector<model::JobAttempt> attempts) override {
    return troubles_.pass("note_attempts", jobs_.note_attempts(seq, fence, std::move(attempts)));
  }
  Task<Result<void>> put_back(model::JobSeq seq, std::int64_t fence,
                              stores::JobReturn back) override {
    return troubles_.pass("put_back", jobs_.put_back(seq, fence, std::move(back)));
  }
  Task<Result<void>> finish(model::JobSeq seq, std::int64_t fence,
                            stores::JobEnding ending) override {
    return troubles_.pass("finish", jobs_.finish(seq, fence, std::move(ending)));
  }
  Task<Result<model::Job>> cancel(std::string id, std::string owner, std::int64_t now) override {
    return troubles_.pass("cancel", jobs_.cancel(std::move(id), std::move(owner), now));
  }
  Task<Result<model::Job>> find(std::string id, std::string owner) override {
    return troubles_.pass("find_id", jobs_.find(std::move(id), std::move(owner)));
  }
  Task<Result<model::Job>> find(model::JobSeq seq) override {
    return troubles_.pass("find", jobs_.find(seq));
  }
  Task<Result<std::string>> result(model::JobSeq seq) override { return jobs_.result(seq); }
  Task<Result<std::vector<model::Job>>> list(stores::JobFilter filter) override {
    return jobs_.list(std::move(filter));
  }
  Task<Result<std::map<std::string, stores::JobCounts>>> counts() override {
    return jobs_.counts();
  }
  Result<stores::Recovery> recover(std::int64_t now) override { return jobs_.recover(now); }
  Result<void> each_waiting(const std::function<void(const stores::WaitingJob&)>& visit) override {
    return jobs_.each_waiting(visit);
  }
  Task<Result<std::vector<stores::WaitingJob>>> open_jobs(model::JobState state,
                                                          model::JobSeq after,
                                                          std::size_t limit) override {
    return troubles_.pass("open_jobs", jobs_.open_jobs(state, after, limit));
  }
  Task<Result<std::vector<model::Job>>> expire(std::int64_t now, std::size_t limit) override {
    return troubles_.pass("expire", jobs_.expire(now, limit));
  }
  Task<Result<std::optional<model::Job>>> find_by_key(stores::IdempotencyClaim claim,
                                                      std::int64_t now) override {
    return jobs_.find_by_key(std::move(claim), now);
  }
  Task<Result<std::vector<stores::EndedJobs>>> ended(std::string after,
                                                     std::size_t limit) override {
    return jobs_.ended(std::move(after), limit);
  }
  Task<Result<stores::Forgotten>> forget(std::string model, std::int64_t before,
                                         std::size_t limit) override {
    return jobs_.forget(std::move(model), before, limit);
  }
  Task<Result<void>> add_counts(std::map<std::string, stores::JobCounts> counts) override {
    return jobs_.add_counts(std::move(counts));
  }
  Task<Result<stores::Forgotten>> forget_keys(std::int64_t now, std::size_t limit) override {
    return jobs_.forget_keys(now, limit);
  }

 private:
  stores::JobStore& jobs_;
  Troubles& troubles_;
};

/// The same for the log of events.
class TroubledEvents final : public stores::EventLog {
 public:
  TroubledEvents(stores::EventLog& events, Troubles& troubles)
      : events_(events), troubles_(troubles) {}

  Task<Result<std::int64_t>> append(model::JobSeq seq, std::int64_t fence,
                                    std::vector<std::string> deltas) override {
    return troubles_.pass("append", events_.append(seq, fence, std::move(deltas)));
  }
  Task<Result<std::vector<model::JobEvent>>> read(model::JobSeq seq, std::int64_t after,
                                                  std::size_t limit) override {
    return troubles_.pass("read", events_.read(seq, after, limit));
  }

 private:
  stores::EventLog& events_;
  Troubles& troubles_;
};

}  // namespace headgate::testing
