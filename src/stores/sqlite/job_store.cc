#include <utility>

#include "stores/sqlite/blobs.h"
#include "stores/sqlite/job_changes.h"
#include "stores/sqlite/job_retention.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/job_submit.h"
#include "stores/sqlite/job_upkeep.h"
#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

/// Bodies above this are kept once, by content, beside the jobs.
constexpr std::size_t kInlineBody = 32 << 10;

/// Of the body if it is kept as a blob.
std::optional<Sha256> blob_hash(const std::string& body) {
  return body.size() > kInlineBody ? std::optional(sha256(body)) : std::nullopt;
}

Result<model::JobRequest> read_request(Session& session, const model::Job& job) {
  model::JobRequest request;
  std::string hash;
  {
    auto select = session.prepare(
        "SELECT path, content_type, principal, body, body_hash FROM job_requests WHERE seq=?");
    if (!select) {
      return fail(select.error());
    }
    auto row = select->bind(job.seq).step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return fail(internal_error("job " + job.id + " has no request"));
    }
    request.path = select->text(0);
    request.content_type = select->text(1);
    request.principal = decode_principal(select->text(2));
    request.body = select->blob(3);
    hash = select->blob(4);
  }
  if (!hash.empty()) {
    auto body = read_blob(session, hash);
    if (!body) {
      return fail(body.error().kind == ErrorKind::NotFound
                      ? internal_error("the body of job " + job.id + " is gone")
                      : body.error());
    }
    request.body = std::move(*body);
  }
  request.kind = job.kind;
  request.model = job.model;
  request.client_id = job.client_id;
  request.priority = job.priority;
  request.work = job.work;
  request.max_attempts = job.max_attempts;
  request.start_by = job.start_by;
  request.finish_by = job.finish_by;
  request.request_id = job.request_id;
  request.traceparent = job.traceparent;
  request.webhook_url = job.webhook_url;
  return request;
}

Result<model::Job> find_row(Session& session, model::JobSeq seq) {
  auto select = session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE seq=?");
  if (!select) {
    return fail(select.error());
  }
  auto row = select->bind(seq).step();
  if (!row) {
    return fail(row.error());
  }
  if (!*row) {
    return fail(not_found("The job is gone.", "job_not_found"));
  }
  return read_job(*select);
}

Result<LoadedJob> load_job(Session& session, model::JobSeq seq) {
  auto job = find_row(session, seq);
  if (!job) {
    return fail(job.error());
  }
  auto request = read_request(session, *job);
  if (!request) {
    return fail(request.error());
  }
  return LoadedJob{.job = std::move(*job), .request = std::move(*request)};
}

// `state < 2` names the index.
#define HEADGATE_OPEN_JOBS                                                             \
  "SELECT seq, model, owner, client, priority, work, not_before, created_at FROM jobs" \
  " WHERE state<2 AND state="

WaitingJob read_waiting(const Statement& row) {
  return {.seq = row.integer(0),
          .model = row.text(1),
          .owner = row.text(2),
          .client_id = row.text(3),
          .priority = static_cast<model::Priority>(row.integer(4)),
          .work = static_cast<std::uint32_t>(row.integer(5)),
          .not_before = row.integer(6),
          .created_at = row.integer(7)};
}

/// Hands each row to `visit`.
Result<void> each_open(Statement& select, const std::function<void(const WaitingJob&)>& visit) {
  while (true) {
    auto row = select.step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return {};
    }
    visit(read_waiting(select));
  }
}

Result<std::vector<WaitingJob>> list_open(Session& session, model::JobState state,
                                          model::JobSeq after, std::size_t limit) {
  auto select = session.prepare(state == model::JobState::Queued
                                    ? HEADGATE_OPEN_JOBS "0 AND seq>? ORDER BY seq LIMIT ?"
                                    : HEADGATE_OPEN_JOBS "1 AND seq>? ORDER BY seq LIMIT ?");
  if (!select) {
    return fail(select.error());
  }
  select->bind(after).bind(static_cast<std::int64_t>(limit));
  std::vector<WaitingJob> jobs;
  auto read = each_open(*select, [&](const WaitingJob& job) { jobs.push_back(job); });
  if (!read) {
    return fail(read.error());
  }
  return jobs;
}

Result<std::vector<model::Job>> list_jobs(Session& session, const JobFilter& filter) {
  const auto after = model::JobId::parse(filter.after);
  if (!filter.after.empty() && !after) {
    return fail(invalid_request("'after' must be the id of a job.", "after"));
  }
  // Two texts, so that each can use its index.
  constexpr std::string_view kRest =
      " AND (?='' OR model=?) AND (?='' OR client=?) AND (? IS NULL OR state=?)"
      " ORDER BY seq DESC LIMIT ?";
  static const std::string of_owner =
      "SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE owner=? AND seq<?" + std::string(kRest);
  static const std::string of_all =
      "SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE seq<?" + std::string(kRest);
  auto select = session.prepare(filter.owner.empty() ? of_all : of_owner);
  if (!select) {
    return fail(select.error());
  }
  if (!filter.owner.empty()) {
    select->bind(filter.owner);
  }
  const std::optional<std::int64_t> state =
      filter.state ? std::optional(static_cast<std::int64_t>(*filter.state)) : std::nullopt;
  select->bind(after ? after->seq : INT64_MAX)
      .bind(filter.model)
      .bind(filter.model)
      .bind(filter.client_id)
      .bind(filter.client_id)
      .bind(state)
      .bind(state)
      .bind(static_cast<std::int64_t>(filter.limit));
  return read_jobs(*select);
}

std::uint64_t& count_of(JobCounts& counts, model::JobState state) {
  switch (state) {
    case model::JobState::Succeeded:
      return counts.succeeded;
    case model::JobState::Expired:
      return counts.expired;
    case model::JobState::Cancelled:
      return counts.cancelled;
    default:
      return counts.failed;
  }
}

Result<std::map<std::string, JobCounts>> read_counts(Session& session) {
  auto select = session.prepare("SELECT model, state, jobs FROM job_counts");
  if (!select) {
    return fail(select.error());
  }
  std::map<std::string, JobCounts> counts;
  while (true) {
    auto row = select->step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return counts;
    }
    const auto state = static_cast<model::JobState>(select->integer(1));
    count_of(counts[select->text(0)], state) = static_cast<std::uint64_t>(select->integer(2));
  }
}

Result<void> add_to_counts(Session& session, const std::map<std::string, JobCounts>& ended) {
  using enum model::JobState;
  for (const auto& [model, counts] : ended) {
    for (const auto& [state, count] :
         {std::pair(Succeeded, counts.succeeded), std::pair(Failed, counts.failed),
          std::pair(Expired, counts.expired), std::pair(Cancelled, counts.cancelled)}) {
      if (count == 0) {
        continue;
      }
      auto add = session.prepare(
          "INSERT INTO job_counts (model, state, jobs) VALUES (?,?,?)"
          " ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs");
      if (!add) {
        return fail(add.error());
      }
      auto added = add->bind(model)
                       .bind(static_cast<std::int64_t>(state))
                       .bind(static_cast<std::int64_t>(count))
                       .run();
      if (!added) {
        return added;
      }
    }
  }
  return {};
}

class SqliteJobStore final : public JobStore {
 public:
  explicit SqliteJobStore(Engine engine) : engine_(engine) {}

  Task<Result<Submitted>> submit(NewJob job) override {
    std::optional<Sha256> hash;
    if (job.request.body.size() > kInlineBody) {
      auto hashed = co_await engine_.pool->run([&] { return blob_hash(job.request.body); });
      if (!hashed) {
        co_return fail(hashed.error());
      }
      hash = *hashed;
    }
    co_return co_await engine_.writer->run(
        [&](Session& session) { return insert_job(session, job, hash ? &*hash : nullptr); });
  }
  Task<Result<std::optional<model::Job>>> find_by_key(IdempotencyClaim claim,
                                                      std::int64_t now) override {
    co_return co_await engine_.readers->run(
        [&](Session& session) { return sqlite::find_by_key(session, claim, now); });
  }
  Task<Result<LoadedJob>> load(model::JobSeq seq) override {
    co_return co_await engine_.readers->run(
        [seq](Session& session) { return load_job(session, seq); });
  }
  Task<Result<std::int64_t>> begin_attempt(model::JobSeq seq, std::int64_t fence,
                                           std::vector<model::JobAttempt> attempts) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::begin_attempt(session, seq, fence, attempts); });
  }
  Task<Result<void>> note_attempts(model::JobSeq seq, std::int64_t fence,
                                   std::vector<model::JobAttempt> attempts) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::note_attempts(session, seq, fence, attempts); });
  }
  Task<Result<void>> put_back(model::JobSeq seq, std::int64_t fence, JobReturn back) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::put_back(session, seq, fence, back); });
  }
  Task<Result<void>> finish(model::JobSeq seq, std::int64_t fence, JobEnding ending) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::finish(session, seq, fence, ending); });
  }
  Task<Result<model::Job>> cancel(std::string id, std::string owner, std::int64_t now) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::cancel(session, id, owner, now); });
  }
  Task<Result<model::Job>> find(std::string id, std::string owner) override {
    co_return co_await engine_.readers->run(
        [&](Session& session) { return find_job(session, id, owner); });
  }
  Task<Result<model::Job>> find(model::JobSeq seq) override {
    co_return co_await engine_.readers->run(
        [seq](Session& session) { return find_row(session, seq); });
  }
  Task<Result<std::string>> result(model::JobSeq seq) override {
    co_return co_await engine_.readers->run([seq](Session& session) -> Result<std::string> {
      auto select = session.prepare("SELECT result FROM job_results WHERE seq=?");
      if (!select) {
        return fail(select.error());
      }
      auto row = select->bind(seq).step();
      if (!row) {
        return fail(row.error());
      }
      return *row ? select->blob(0) : std::string();
    });
  }
  Task<Result<std::vector<model::Job>>> list(JobFilter filter) override {
    co_return co_await engine_.readers->run(
        [&](Session& session) { return list_jobs(session, filter); });
  }
  Task<Result<std::map<std::string, JobCounts>>> counts() override {
    co_return co_await engine_.readers->run([](Session& session) { return read_counts(session); });
  }
  Task<Result<void>> add_counts(std::map<std::string, JobCounts> ended) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return add_to_counts(session, ended); });
  }
  Result<Recovery> recover(std::int64_t now) override {
    return engine_.database->transaction(
        [now](Session& session) { return sqlite::recover(session, now); });
  }
  Result<void> each_waiting(const std::function<void(const WaitingJob&)>& visit) override {
    return engine_.database->with([&](Session& session) -> Result<void> {
      auto select = session.prepare(HEADGATE_OPEN_JOBS "0 ORDER BY seq");
      return select ? each_open(*select, visit) : fail(select.error());
    });
  }
  Task<Result<std::vector<WaitingJob>>> open_jobs(model::JobState state, model::JobSeq after,
                                                  std::size_t limit) override {
    co_return co_await engine_.readers->run(
        [=](Session& session) { return list_open(session, state, after, limit); });
  }
  Task<Result<std::vector<model::Job>>> expire(std::int64_t now, std::size_t limit) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::expire(session, now, limit); });
  }
  Task<Result<std::vector<EndedJobs>>> ended(std::string after, std::size_t limit) override {
    co_return co_await engine_.readers->run(
        [&](Session& session) { return sqlite::ended(session, after, limit); });
  }
  Task<Result<Forgotten>> forget(std::string model, std::int64_t before,
                                 std::size_t limit) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::forget(session, model, before, limit); });
  }
  Task<Result<Forgotten>> forget_keys(std::int64_t now, std::size_t limit) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::forget_keys(session, now, limit); });
  }

 private:
  const Engine engine_;
};

}  // namespace

std::unique_ptr<JobStore> make_job_store(Engine engine) {
  return std::make_unique<SqliteJobStore>(engine);
}

}  // namespace headgate::stores::sqlite
