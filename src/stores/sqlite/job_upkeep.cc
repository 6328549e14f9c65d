#include "stores/sqlite/job_upkeep.h"

#include <utility>

#include "stores/sqlite/job_changes.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/schema_jobs.h"

namespace headgate::stores::sqlite {
namespace {

using model::JobState;

Result<void> requeue_after_crash(Session& session, const model::Job& job, std::int64_t now) {
  auto update = session.prepare(
      "UPDATE jobs SET state=0, fence=fence+1, attempts=?, not_before=0, events=events+1"
      " WHERE seq=? RETURNING events");
  if (!update) {
    return fail(update.error());
  }
  std::int64_t event = 0;
  auto done = one_row(update->bind(encode_attempts(job.attempts)).bind(job.seq),
                      [&](const Statement& row) { event = row.integer(0); });
  if (!done) {
    return fail(done.error());
  }
  return insert_event(session, job.seq, event, "status",
                      status_event(JobState::Queued, job.attempts.size(), now));
}

}  // namespace

Result<Recovery> recover(Session& session, std::int64_t now) {
  Recovery recovery;
  {
    auto newest = session.prepare("SELECT ifnull(max(seq), 0) FROM jobs");
    if (!newest) {
      return fail(newest.error());
    }
    auto read = one_row(*newest, [&](const Statement& row) { recovery.newest = row.integer(0); });
    if (!read) {
      return fail(read.error());
    }
  }
  std::vector<model::Job> orphans;
  {
    // `state < 2` names the index.
    auto select =
        session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE state<2 AND state=1");
    if (!select) {
      return fail(select.error());
    }
    auto read = read_jobs(*select);
    if (!read) {
      return fail(read.error());
    }
    orphans = std::move(*read);
  }
  for (model::Job& job : orphans) {
    const bool goes_on = model::is_under_way_remotely(job.attempts);
    if (!goes_on) {
      end_last_attempt(job.attempts, "crashed", "The gateway ended while this attempt ran.", now);
    }
    const bool poison = !goes_on && job.attempts.size() >= job.max_attempts;
    auto done =
        poison ? end_now(session, job, JobState::Failed,
                         R"({"message":"The gateway ended while the job ran, and no attempt is)"
                         R"( left.","type":"internal_error","param":null,"code":"crashed"})",
                         now)
               : requeue_after_crash(session, job, now);
    if (!done) {
      return fail(done.error());
    }
    ++(poison ? recovery.failed : recovery.requeued);
  }
  auto in_flight = session.prepare("DELETE FROM idempotency WHERE job IS NULL AND status IS NULL");
  if (!in_flight) {
    return fail(in_flight.error());
  }
  auto dropped = in_flight->run();
  if (!dropped) {
    return fail(dropped.error());
  }
  return recovery;
}

Result<std::vector<model::Job>> expire(Session& session, std::int64_t now, std::size_t limit) {
  std::vector<model::Job> due;
  {
    auto select =
        session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE " HEADGATE_DUE_JOBS
                        " AND " HEADGATE_DUE_TIME " <= ? LIMIT ?");
    if (!select) {
      return fail(select.error());
    }
    select->bind(now).bind(static_cast<std::int64_t>(limit));
    auto read = read_jobs(*select);
    if (!read) {
      return fail(read.error());
    }
    due = std::move(*read);
  }
  for (const model::Job& job : due) {
    auto ended = end_now(session, job, JobState::Expired,
                         R"({"message":"The job's time was over before it could run.",)"
                         R"("type":"timeout_error","param":null,"code":"expired"})",
                         now);
    if (!ended) {
      return fail(ended.error());
    }
  }
  return due;
}

}  // namespace headgate::stores::sqlite
