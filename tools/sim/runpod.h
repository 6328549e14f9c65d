#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/incoming.h"

namespace headgate::sim {

enum class JobState : std::uint8_t { InQueue, InProgress, Completed, Failed, Cancelled, TimedOut };

/// As the wire shows it.
std::string_view name_of(JobState state);
bool is_over(JobState state);

/// What a worker will have made of a job's input.
struct Work {
  std::string output;               ///< JSON; the whole of it
  std::vector<std::string> pieces;  ///< JSON; what /stream delivers, in order
  std::string error;                ///< not empty: the job fails with it
  std::size_t tokens = 0;
};

/// One job. Its life is fixed when it is submitted: the state follows from the time.
struct Job {
  std::string id;
  std::string endpoint;
  Work work;
  bool sync = false;
  std::string input_hash;
  SteadyTime submitted;
  SteadyTime starts;
  SteadyTime ends;
  SteadyTime expires;  ///< its record is gone from then on
  JobState end = JobState::Completed;
  bool without_output = false;
  std::optional<SteadyTime> cancelled;
  std::size_t delivered = 0;  ///< pieces that /stream gave away
  std::size_t retries = 0;
  std::chrono::microseconds timeout{0};  ///< of the execution

  JobState state(SteadyTime now) const;
};

/// The jobs of all endpoints, at most kMaxJobs: then the oldest is forgotten.
class JobTable {
 public:
  static constexpr std::size_t kMaxJobs = 2000;
  static constexpr std::size_t kMaxEndpoints = 256;

  struct Limits {
    std::optional<std::chrono::milliseconds> execution;
    std::optional<std::chrono::milliseconds> ttl;
    bool sync = false;
  };

  Job& submit(std::string_view endpoint, const Behaviour& behaviour, Work work, Limits limits,
              std::string_view input, SteadyTime now);
  /// Begins a job again by `behaviour`.
  void restart(Job& job, const Behaviour& behaviour, SteadyTime now);
  /// Null if there is none, or its record expired.
  Job* find(std::string_view id, SteadyTime now);
  /// How long work for `endpoint` waits until its first worker is up; starts it.
  std::chrono::microseconds warm_up(std::string_view endpoint, const Behaviour& behaviour,
                                    SteadyTime now);
  bool is_warming(std::string_view endpoint, SteadyTime now) const;
  /// Calls `visit` for each job, oldest first.
  void for_each(const std::function<void(Job&)>& visit);
  void forget();
  /// Appends them as a JSON array.
  void append_json(std::string& out, SteadyTime now) const;

 private:
  void schedule(Job& job, const Behaviour& behaviour, SteadyTime now);

  std::deque<Job> jobs_;
  std::map<std::string, SteadyTime, std::less<>> warm_at_;  // by endpoint
  std::uint64_t last_ = 0;
};

class Service;

/// Answers requests below /v2/.
class RunPod {
 public:
  /// `service` outlives it: it answers for the workers.
  explicit RunPod(Service& service) : service_(service) {}

  Answer answer(const Incoming& incoming);
  Answer answer_held(const Held& held, SteadyTime now);
  JobTable& jobs() { return jobs_; }

 private:
  Answer submit(std::string_view endpoint, const Behaviour& behaviour, const Incoming& incoming,
                bool sync);
  Answer look_up(std::string_view operation, Job& job, const Behaviour& behaviour,
                 const Incoming& incoming);
  Answer pass_on(std::string_view endpoint, std::string_view path, const Incoming& incoming);
  Reply health(std::string_view endpoint, const Behaviour& behaviour, SteadyTime now);
  Reply list(std::string_view endpoint, SteadyTime now);
  Reply purge(std::string_view endpoint, SteadyTime now);

  Service& service_;
  JobTable jobs_;
};

}  // namespace headgate::sim
