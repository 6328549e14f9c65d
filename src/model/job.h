#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/principal.h"

namespace headgate::model {

/// What a job ends in, and where it is before that. It ends exactly once.
enum class JobState : std::uint8_t { Queued, Running, Succeeded, Failed, Cancelled, Expired };

inline constexpr std::array<std::string_view, 6> kJobStateNames = {
    "queued", "running", "succeeded", "failed", "cancelled", "expired"};

inline std::string_view name_of(JobState state) {
  return kJobStateNames[static_cast<std::size_t>(state)];
}
inline bool is_terminal(JobState state) { return state >= JobState::Succeeded; }

/// Classes of the line, best first. `Batch` is for jobs of batches only.
enum class Priority : std::uint8_t { High, Normal, Low, Batch };

inline constexpr std::size_t kPriorities = 4;
inline constexpr std::array<std::string_view, kPriorities> kPriorityNames = {"high", "normal",
                                                                             "low", "batch"};

inline std::string_view name_of(Priority priority) {
  return kPriorityNames[static_cast<std::size_t>(priority)];
}
inline std::optional<Priority> priority_named(std::string_view name) {
  for (std::size_t i = 0; i < kPriorities; ++i) {
    if (kPriorityNames[i] == name) {
      return static_cast<Priority>(i);
    }
  }
  return std::nullopt;
}

/// A job's place in the order of submission; never used twice.
using JobSeq = std::int64_t;

/// One call of a target for a job. On disk before the call is made.
struct JobAttempt {
  std::uint32_t n = 0;  ///< from 1
  std::string provider{};
  std::string target{};
  std::int64_t started_at = 0;             ///< Unix milliseconds
  std::optional<std::int64_t> ended_at{};  ///< unset: under way, or the gateway was killed
  std::string outcome{};  ///< "", "succeeded", an error code, "crashed" or "cancelled"
  std::string error{};    ///< what the caller is told of it
  /// What the provider calls the job of its own that carries this out. While there is no outcome,
  /// a new start of the gateway goes on with it.
  std::string remote_id{};
};

/// Whether the last of `attempts` is under way at a provider, whatever became of who waited for it.
inline bool is_under_way_remotely(const std::vector<JobAttempt>& attempts) {
  return !attempts.empty() && attempts.back().outcome.empty() && !attempts.back().remote_id.empty();
}

/// What a job is made of when it is accepted: all it needs to run alone, later, elsewhere.
struct JobRequest {
  std::string path;          ///< of the route that carries it out
  std::string content_type;  ///< of `body`
  std::string body;
  std::string kind;  ///< "chat", "ocr", ...
  std::string model;
  Principal principal;
  std::string client_id;
  Priority priority = Priority::Normal;
  std::uint32_t work = 1;  ///< estimated, in units of about 1000 tokens or a page
  std::uint32_t max_attempts = 1;
  std::optional<std::int64_t> start_by;   ///< Unix milliseconds: expires if never begun by then
  std::optional<std::int64_t> finish_by;  ///< expires if not ended by then
  std::string request_id;                 ///< x-request-id of the submission
  std::string traceparent;
  std::string webhook_url;
};

/// A job without its request's and its result's bytes.
struct Job {
  JobSeq seq = 0;
  std::string id;     ///< UUIDv7
  std::string owner;  ///< Principal::id
  std::string client_id;
  std::string kind;
  std::string model;
  JobState state = JobState::Queued;
  Priority priority = Priority::Normal;
  std::uint32_t work = 1;
  std::uint32_t max_attempts = 1;
  std::vector<JobAttempt> attempts;
  std::int64_t fence = 0;       ///< grows each time the job is taken; an older holder may not write
  std::int64_t created_at = 0;  ///< Unix milliseconds
  std::optional<std::int64_t> started_at;
  std::optional<std::int64_t> completed_at;
  std::int64_t not_before = 0;  ///< waits until then before its next attempt
  std::optional<std::int64_t> start_by;
  std::optional<std::int64_t> finish_by;
  std::string request_id;
  std::string traceparent;
  std::string webhook_url;
  std::string error_json;  ///< the `error` object, or empty
  std::int64_t input_tokens = -1;
  std::int64_t output_tokens = -1;
  double cost = 0;  ///< USD
};

/// One entry of a job's history, for those who watch it.
struct JobEvent {
  std::int64_t n = 0;  ///< from 1, without gaps within a job
  std::string type;    ///< "status" or "delta"
  std::string data;    ///< one line of JSON
};

}  // namespace headgate::model
