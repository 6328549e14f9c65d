#include "stores/sqlite/job_upkeep.h"

#include <utility>

#include "stores/sqlite/blobs.h"
#include "stores/sqlite/job_changes.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/schema_jobs.h"
#include "stores/sqlite/webhook_store.h"

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

Result<void> forget_one(Session& session, const model::JobId& id) {
  const model::JobSeq seq = id.seq;
  auto unannounced = forget_deliveries(session, id.text());
  if (!unannounced) {
    return unannounced;
  }
  std::string hash;
  {
    auto remove = session.prepare("DELETE FROM job_requests WHERE seq=? RETURNING body_hash");
    if (!remove) {
      return fail(remove.error());
    }
    auto removed = one_row(remove->bind(seq), [&](const Statement& row) { hash = row.blob(0); });
    if (!removed) {
      return fail(removed.error());
    }
  }
  if (!hash.empty()) {
    auto released = release_blob(session, hash);
    if (!released) {
      return released;
    }
  }
  for (const std::string_view sql : {std::string_view("DELETE FROM job_results WHERE seq=?"),
                                     std::string_view("DELETE FROM job_events WHERE seq=?"),
                                     std::string_view("DELETE FROM jobs WHERE seq=?")}) {
    auto remove = session.prepare(sql);
    if (!remove) {
      return fail(remove.error());
    }
    auto removed = remove->bind(seq).run();
    if (!removed) {
      return removed;
    }
  }
  return {};
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
    end_last_attempt(job.attempts, "crashed", "The gateway ended while this attempt ran.", now);
    const bool poison = job.attempts.size() >= job.max_attempts;
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
  {
    auto keys = session.prepare(
        "DELETE FROM idempotency WHERE scope IN"
        " (SELECT scope FROM idempotency WHERE expires_at <= ? LIMIT ?)");
    if (!keys) {
      return fail(keys.error());
    }
    auto forgotten = keys->bind(now).bind(static_cast<std::int64_t>(limit)).run();
    if (!forgotten) {
      return fail(forgotten.error());
    }
  }
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

Result<std::size_t> forget(Session& session, std::int64_t before, std::size_t limit) {
  std::vector<model::JobId> old;
  {
    auto select = session.prepare(
        "SELECT seq, tail FROM jobs WHERE completed_at IS NOT NULL AND completed_at < ?"
        " ORDER BY completed_at LIMIT ?");
    if (!select) {
      return fail(select.error());
    }
    select->bind(before).bind(static_cast<std::int64_t>(limit));
    while (true) {
      auto row = select->step();
      if (!row) {
        return fail(row.error());
      }
      if (!*row) {
        break;
      }
      old.push_back({.seq = select->integer(0), .tail = select->integer(1)});
    }
  }
  for (const model::JobId& id : old) {
    auto done = forget_one(session, id);
    if (!done) {
      return fail(done.error());
    }
  }
  return old.size();
}

}  // namespace headgate::stores::sqlite
