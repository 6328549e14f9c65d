#include <algorithm>
#include <utility>

#include "sim/encoding.h"
#include "sim/runpod.h"
#include "sim/text.h"

namespace headgate::sim {
namespace {

using std::chrono::microseconds;

constexpr std::chrono::minutes kRunResult{30};
constexpr std::chrono::minutes kSyncResult{1};
constexpr std::chrono::minutes kDefaultTimeout{10};
constexpr std::chrono::hours kDefaultTtl{24};

std::string job_id(std::uint64_t hash, std::uint64_t number, bool sync) {
  std::string digits = hex_of(hash) + hex_of(number);
  std::string id = sync ? "sync-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    id += i == 8 || i == 12 || i == 16 || i == 20 ? "-" : "";
    id += digits[i];
  }
  return id + "-u1";
}

}  // namespace

std::string_view name_of(JobState state) {
  switch (state) {
    case JobState::InQueue:
      return "IN_QUEUE";
    case JobState::InProgress:
      return "IN_PROGRESS";
    case JobState::Completed:
      return "COMPLETED";
    case JobState::Failed:
      return "FAILED";
    case JobState::Cancelled:
      return "CANCELLED";
    case JobState::TimedOut:
      return "TIMED_OUT";
  }
  return "";
}

bool is_over(JobState state) { return state != JobState::InQueue && state != JobState::InProgress; }

JobState Job::state(SteadyTime now) const {
  if (cancelled) {
    return JobState::Cancelled;
  }
  if (now < starts) {
    return JobState::InQueue;
  }
  return now < ends ? JobState::InProgress : end;
}

Job& JobTable::submit(std::string_view endpoint, const Behaviour& behaviour, Work work,
                      Limits limits, std::string_view input, SteadyTime now) {
  std::uint64_t hash = hash_text(hash_text(kHashStart, endpoint), input);
  if (jobs_.size() >= kMaxJobs) {
    jobs_.pop_front();
  }
  Job& job = jobs_.emplace_back();
  job.id = job_id(hash, ++last_, limits.sync);
  job.endpoint = endpoint;
  job.work = std::move(work);
  job.sync = limits.sync;
  job.input_hash = hex_of(hash);
  job.timeout = limits.execution.value_or(kDefaultTimeout);
  job.submitted = now;
  schedule(job, behaviour, now);
  job.expires = std::min(job.expires, now + microseconds(limits.ttl.value_or(kDefaultTtl)));
  return job;
}

void JobTable::schedule(Job& job, const Behaviour& behaviour, SteadyTime now) {
  job.cancelled.reset();
  job.delivered = 0;
  job.starts = now + behaviour.queue + warm_up(job.endpoint, behaviour, now);
  job.ends = job.starts + behaviour.execution + token_gap(behaviour) * job.work.tokens;
  job.end = job.work.error.empty() ? JobState::Completed : JobState::Failed;
  job.without_output = behaviour.job_end == JobEnd::NoOutput;
  if (job.ends > job.starts + job.timeout) {
    job.ends = job.starts + job.timeout;
    job.end = JobState::TimedOut;
  }
  microseconds kept = job.sync ? microseconds(kSyncResult) : microseconds(kRunResult);
  if (behaviour.expiry.count() > 0) {
    kept = behaviour.expiry;
  }
  job.expires = job.ends + kept;
  switch (behaviour.job_end) {
    case JobEnd::Completed:
    case JobEnd::NoOutput:
      break;
    case JobEnd::Failed:
      job.end = JobState::Failed;
      if (job.work.error.empty()) {
        job.work.error =
            R"({"error_type": "<class 'RuntimeError'>", "error_message": "The simulated worker )"
            R"(failed.", "error_traceback": "Traceback (most recent call last): simulated", )"
            R"("hostname": "sim-host", "worker_id": "simworker1", "runpod_version": "1.7.13"})";
      }
      break;
    case JobEnd::TimedOut:
      job.end = JobState::TimedOut;
      break;
    case JobEnd::Lost:
      job.expires = job.starts;
      break;
    case JobEnd::Stuck:
      job.starts = job.ends = job.expires = now + kDefaultTtl;
      break;
  }
}

void JobTable::restart(Job& job, const Behaviour& behaviour, SteadyTime now) {
  ++job.retries;
  bool by_itself = !job.work.output.empty();
  if (by_itself) {
    job.work.error.clear();
  }
  job.submitted = now;
  schedule(job, behaviour, now);
}

Job* JobTable::find(std::string_view id, SteadyTime now) {
  auto found =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.id == id; });
  return found == jobs_.end() || now >= found->expires ? nullptr : &*found;
}

microseconds JobTable::warm_up(std::string_view endpoint, const Behaviour& behaviour,
                               SteadyTime now) {
  auto found = warm_at_.find(endpoint);
  if (found == warm_at_.end()) {
    if (warm_at_.size() >= kMaxEndpoints) {
      warm_at_.clear();
    }
    found = warm_at_.emplace(std::string(endpoint), now + behaviour.cold_start).first;
  }
  return std::chrono::duration_cast<microseconds>(std::max(found->second, now) - now);
}

bool JobTable::is_warming(std::string_view endpoint, SteadyTime now) const {
  auto found = warm_at_.find(endpoint);
  return found != warm_at_.end() && now < found->second;
}

void JobTable::for_each(const std::function<void(Job&)>& visit) {
  for (Job& job : jobs_) {
    visit(job);
  }
}

void JobTable::forget() {
  jobs_.clear();
  warm_at_.clear();
}

void JobTable::append_json(std::string& out, SteadyTime now) const {
  out += '[';
  for (const Job& job : jobs_) {
    out += out.back() == '[' ? R"({"id":)" : R"(,{"id":)";
    append_json_string(out, job.id, HighBytes::Latin1);
    out += R"(,"endpoint":)";
    append_json_string(out, job.endpoint, HighBytes::Latin1);
    out += R"(,"status":")" + std::string(name_of(job.state(now))) + R"(","input_hash":")" +
           job.input_hash + R"(","retries":)" + std::to_string(job.retries) + R"(,"expired":)" +
           (now >= job.expires ? "true" : "false") + R"(,"delivered":)" +
           std::to_string(job.delivered) + "}";
  }
  out += ']';
}

}  // namespace headgate::sim
