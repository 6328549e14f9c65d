#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "stores/blob_store.h"
#include "stores/event_log.h"
#include "stores/job_store.h"
#include "stores/usage_store.h"

namespace headgate::testing {

/// The stores of jobs of one engine over one fresh, empty database, and what keeps that alive.
struct JobStores {
  std::shared_ptr<void> engine;  // shared: the stores borrow from it, so it is declared first
  std::unique_ptr<stores::JobStore> jobs;
  std::unique_ptr<stores::EventLog> events;
  std::unique_ptr<stores::BlobStore> blobs;
  std::unique_ptr<stores::UsageStore> usage;  ///< where the ends of jobs write what they used
};

/// One engine to test.
struct MakeJobStores {
  const char* engine;
  JobStores (*make)();
  friend void PrintTo(const MakeJobStores& self, std::ostream* out) { *out << self.engine; }
};

/// What `task` comes to, awaited on a loop of its own.
template <class T>
T run(Task<T> task) {
  EventLoop loop;
  std::optional<T> value;
  const auto keep = [](Task<T> awaited, std::optional<T>& kept) -> Task<void> {
    kept.emplace(co_await std::move(awaited));
  };
  loop.run_until_done(keep(std::move(task), value));
  return std::move(*value);
}

/// Base of the contracts that every engine must pass.
class JobContract : public ::testing::TestWithParam<MakeJobStores> {
 protected:
  JobStores stores_ = GetParam().make();
  stores::JobStore& jobs_ = *stores_.jobs;
  stores::EventLog& events_ = *stores_.events;
  stores::BlobStore& blobs_ = *stores_.blobs;
  stores::UsageStore& usage_ = *stores_.usage;
  model::JobIds ids_;

  stores::NewJob some_job(const std::string& owner = "key:a", const std::string& model = "m") {
    stores::NewJob job;
    job.id = ids_.next(1000, 12345);
    job.request.path = "/v1/chat/completions";
    job.request.content_type = "application/json";
    job.request.body = R"({"model":"m"})";
    job.request.kind = "chat";
    job.request.model = model;
    job.request.principal.id = owner;
    job.request.max_attempts = 3;
    job.created_at = 1000;
    return job;
  }
  /// Submits a job that must be accepted.
  stores::Submitted submit(stores::NewJob job) {
    auto submitted = run(jobs_.submit(std::move(job)));
    EXPECT_TRUE(submitted) << submitted.error().detail;
    return *submitted;
  }
  static std::vector<model::JobAttempt> attempts(std::uint32_t count) {
    std::vector<model::JobAttempt> made;
    for (std::uint32_t n = 1; n <= count; ++n) {
      made.push_back({.n = n, .provider = "local", .target = "t", .started_at = 1000 + n});
      if (n < count) {
        made.back().ended_at = 1000 + n;
        made.back().outcome = "upstream_error";
      }
    }
    return made;
  }
  static stores::JobReturn left(std::vector<model::JobAttempt> attempts, std::int64_t not_before) {
    return {.attempts = std::move(attempts), .not_before = not_before, .now = 1500};
  }
  std::int64_t begin(model::JobSeq seq, std::int64_t fence = 0, std::uint32_t attempt = 1) {
    auto begun = run(jobs_.begin_attempt(seq, fence, attempts(attempt)));
    EXPECT_TRUE(begun) << begun.error().message;
    return begun.value_or(-1);
  }
  static stores::JobEnding success(std::string result = R"({"ok":true})") {
    return {.state = model::JobState::Succeeded,
            .attempts = attempts(1),
            .completed_at = 2000,
            .result = std::move(result),
            .error_json = {},
            .input_tokens = 3,
            .output_tokens = 4,
            .cost = 0.5};
  }
};

}  // namespace headgate::testing
