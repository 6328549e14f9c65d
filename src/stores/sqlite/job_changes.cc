#include "stores/sqlite/job_changes.h"

#include <utility>

#include "base/encoding.h"
#include "base/ids.h"
#include "model/job_json.h"
#include "stores/sqlite/idempotency.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/schema_jobs.h"
#include "stores/sqlite/webhook_store.h"

namespace headgate::stores::sqlite {
namespace {

using model::JobState;

Error not_held() {
  Error error;
  error.kind = ErrorKind::Conflict;
  error.message = "The job has ended or runs elsewhere.";
  error.code = "job_not_held";
  return error;
}

Error no_job(const std::string& id) {
  return not_found("There is no job " + id + ".", "job_not_found");
}

Result<void> count_ended(Session& session, const std::string& model, JobState state) {
  auto count = session.prepare(
      "INSERT INTO job_counts (model, state, jobs) VALUES (?,?,1)"
      " ON CONFLICT DO UPDATE SET jobs = jobs + 1");
  if (!count) {
    return fail(count.error());
  }
  return count->bind(model).bind(static_cast<std::int64_t>(state)).run();
}

/// Runs a statement that returns at most one row, and hands that row to `read`. False if none.
template <class Read>
Result<bool> one_row(Statement& statement, Read read) {
  auto row = statement.step();
  if (!row) {
    return fail(row.error());
  }
  if (!*row) {
    return false;
  }
  read(statement);
  // RETURNING hands out its rows before the statement has ended.
  auto end = statement.step();
  if (!end) {
    return fail(end.error());
  }
  return true;
}

/// The earlier job of an idempotency key, if there is one.
Result<std::optional<Submitted>> replay(Session& session, const NewJob& job) {
  auto known = find_key(session, *job.idempotency, job.created_at);
  if (!known) {
    return fail(known.error());
  }
  if (!*known) {
    return std::optional<Submitted>();
  }
  if (!(*known)->job) {
    Error error;
    error.kind = ErrorKind::Conflict;
    error.origin = Origin::Client;
    error.message = "This Idempotency-Key belongs to a call that was answered at once.";
    error.code = "idempotency_call";
    return fail(std::move(error));
  }
  auto select = session.prepare("SELECT tail FROM jobs WHERE seq=?");
  if (!select) {
    return fail(select.error());
  }
  const model::JobSeq seq = *(*known)->job;
  std::int64_t tail = 0;
  auto found = one_row(select->bind(seq), [&](const Statement& row) { tail = row.integer(0); });
  if (!found) {
    return fail(found.error());
  }
  return std::optional(
      Submitted{.seq = seq, .id = model::JobId{.seq = seq, .tail = tail}.text(), .replayed = true});
}

Result<void> insert_row(Session& session, const NewJob& job) {
  const model::JobRequest& request = job.request;
  auto insert = session.prepare(
      "INSERT INTO jobs (" HEADGATE_JOB_COLUMNS
      ", events) VALUES (?,?,?,?,?,?,0,?,?,?,'',0,?,NULL,NULL,0,?,?,?,?,?,'',-1,-1,0.0,1)");
  if (!insert) {
    return fail(insert.error());
  }
  return insert->bind(job.id.seq)
      .bind(job.id.tail)
      .bind(request.principal.id)
      .bind(request.client_id)
      .bind(request.kind)
      .bind(request.model)
      .bind(static_cast<std::int64_t>(request.priority))
      .bind(std::int64_t{request.work})
      .bind(std::int64_t{request.max_attempts})
      .bind(job.created_at)
      .bind(request.start_by)
      .bind(request.finish_by)
      .bind(request.request_id)
      .bind(request.traceparent)
      .bind(request.webhook_url)
      .run();
}

Result<void> insert_request(Session& session, const NewJob& job, const Sha256* body_hash) {
  auto insert = session.prepare(
      "INSERT INTO job_requests (seq, path, content_type, principal, body, body_hash)"
      " VALUES (?,?,?,?,?,?)");
  if (!insert) {
    return fail(insert.error());
  }
  const model::JobRequest& request = job.request;
  insert->bind(job.id.seq)
      .bind(request.path)
      .bind(request.content_type)
      .bind(encode_principal(request.principal));
  if (body_hash == nullptr) {
    insert->bind_blob(request.body).bind(std::optional<std::int64_t>());
    return insert->run();
  }
  insert->bind(std::optional<std::int64_t>()).bind_blob(as_view(*body_hash));
  auto inserted = insert->run();
  if (!inserted) {
    return inserted;
  }
  return hold_blob(session, *body_hash, request.body);
}

/// A result above this is not sent along; the receiver asks for it.
constexpr std::size_t kWebhookResult = 256 << 10;

/// Makes the delivery that tells of an ending.
Result<void> announce(Session& session, model::JobSeq seq, const std::string& url,
                      const JobEnding& ending) {
  auto select = session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE seq=?");
  if (!select) {
    return fail(select.error());
  }
  model::Job job;
  auto found = one_row(select->bind(seq), [&](const Statement& row) { job = read_job(row); });
  if (!found) {
    return fail(found.error());
  }
  const std::string_view result =
      ending.result.size() <= kWebhookResult ? std::string_view(ending.result) : "";
  const std::string json = model::job_json(
      job, {.status = name_of(ending.state), .result = result, .position = std::nullopt});
  return insert_delivery(session, {.id = "msg_" + uuid_v7(),
                                   .job_id = job.id,
                                   .url = url,
                                   .body = webhook_body(ending.state, ending.completed_at, json),
                                   .next_at = ending.completed_at,
                                   .last_error = {},
                                   .created_at = ending.completed_at});
}

/// The attempt that was under way when something else ended it.
void end_last_attempt(std::vector<model::JobAttempt>& attempts, std::string_view outcome,
                      std::string_view error, std::int64_t now) {
  if (!attempts.empty() && attempts.back().outcome.empty()) {
    attempts.back().ended_at = now;
    attempts.back().outcome = outcome;
    attempts.back().error = error;
  }
}

/// Ends a job whatever its fence is.
Result<void> end_now(Session& session, const model::Job& job, JobState state,
                     const std::string& error_json, std::int64_t now) {
  return finish(session, job.seq, job.fence,
                {.state = state,
                 .attempts = job.attempts,
                 .completed_at = now,
                 .result = {},
                 .error_json = error_json});
}

Result<std::vector<model::Job>> read_jobs(Statement& select) {
  std::vector<model::Job> jobs;
  while (true) {
    auto row = select.step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return jobs;
    }
    jobs.push_back(read_job(select));
  }
}

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

Result<Submitted> insert_job(Session& session, const NewJob& job, const Sha256* body_hash) {
  if (job.idempotency) {
    auto earlier = replay(session, job);
    if (!earlier) {
      return fail(earlier.error());
    }
    if (*earlier) {
      return std::move(**earlier);
    }
  }
  auto done = insert_row(session, job);
  if (done && job.idempotency) {
    done = claim_key(session, *job.idempotency, job.id.seq);
  }
  if (done) {
    done = insert_request(session, job, body_hash);
  }
  if (done) {
    done = insert_event(session, job.id.seq, 1, "status",
                        status_event(JobState::Queued, 0, job.created_at));
  }
  if (!done) {
    return fail(done.error());
  }
  return Submitted{.seq = job.id.seq, .id = job.id.text()};
}

Result<std::int64_t> begin_attempt(Session& session, model::JobSeq seq, std::int64_t fence,
                                   const std::vector<model::JobAttempt>& attempts) {
  auto update = session.prepare(
      "UPDATE jobs SET state=1, fence=fence+1, attempts=?, started_at=ifnull(started_at, ?),"
      " events=events+1 WHERE seq=? AND fence=? AND state<2 RETURNING fence, events");
  if (!update) {
    return fail(update.error());
  }
  const std::int64_t now = attempts.back().started_at;
  std::int64_t taken = 0;
  std::int64_t event = 0;
  auto held = one_row(update->bind(encode_attempts(attempts)).bind(now).bind(seq).bind(fence),
                      [&](const Statement& row) {
                        taken = row.integer(0);
                        event = row.integer(1);
                      });
  if (!held || !*held) {
    return fail(held ? not_held() : held.error());
  }
  auto noted = insert_event(session, seq, event, "status",
                            status_event(JobState::Running, attempts.size(), now));
  if (!noted) {
    return fail(noted.error());
  }
  return taken;
}

Result<void> put_back(Session& session, model::JobSeq seq, std::int64_t fence,
                      const std::vector<model::JobAttempt>& attempts, std::int64_t not_before,
                      std::int64_t now) {
  auto update = session.prepare(
      "UPDATE jobs SET state=0, attempts=?, started_at=iif(?=0, NULL, started_at), not_before=?,"
      " events=events+1 WHERE seq=? AND fence=? AND state=1 RETURNING events");
  if (!update) {
    return fail(update.error());
  }
  std::int64_t event = 0;
  auto held = one_row(update->bind(encode_attempts(attempts))
                          .bind(static_cast<std::int64_t>(attempts.size()))
                          .bind(not_before)
                          .bind(seq)
                          .bind(fence),
                      [&](const Statement& row) { event = row.integer(0); });
  if (!held || !*held) {
    return fail(held ? not_held() : held.error());
  }
  return insert_event(session, seq, event, "status",
                      status_event(JobState::Queued, attempts.size(), now));
}

Result<void> finish(Session& session, model::JobSeq seq, std::int64_t fence,
                    const JobEnding& ending) {
  std::string model;
  std::string webhook_url;
  std::int64_t event = 0;
  {
    auto update = session.prepare(
        "UPDATE jobs SET state=?, attempts=?, completed_at=?, error=?, input_tokens=?,"
        " output_tokens=?, cost=?, events=events+1"
        " WHERE seq=? AND fence=? AND state<2 RETURNING events, model, webhook_url");
    if (!update) {
      return fail(update.error());
    }
    auto held = one_row(update->bind(static_cast<std::int64_t>(ending.state))
                            .bind(encode_attempts(ending.attempts))
                            .bind(ending.completed_at)
                            .bind(ending.error_json)
                            .bind(ending.input_tokens)
                            .bind(ending.output_tokens)
                            .bind(ending.cost)
                            .bind(seq)
                            .bind(fence),
                        [&](const Statement& row) {
                          event = row.integer(0);
                          model = row.text(1);
                          webhook_url = row.text(2);
                        });
    if (!held || !*held) {
      return fail(held ? not_held() : held.error());
    }
  }
  if (!ending.result.empty()) {
    auto insert = session.prepare("INSERT INTO job_results (seq, result) VALUES (?,?)");
    if (!insert) {
      return fail(insert.error());
    }
    auto kept = insert->bind(seq).bind_blob(ending.result).run();
    if (!kept) {
      return kept;
    }
  }
  auto counted = count_ended(session, model, ending.state);
  if (!counted) {
    return counted;
  }
  if (!webhook_url.empty()) {
    auto told = announce(session, seq, webhook_url, ending);
    if (!told) {
      return told;
    }
  }
  return insert_event(session, seq, event, "status",
                      status_event(ending.state, ending.attempts.size(), ending.completed_at));
}

Result<model::Job> cancel(Session& session, const std::string& id, const std::string& owner,
                          std::int64_t now) {
  auto job = find_job(session, id, owner);
  if (!job || is_terminal(job->state)) {
    return job;
  }
  end_last_attempt(job->attempts, "cancelled", "The job was cancelled.", now);
  auto ended = end_now(session, *job, JobState::Cancelled,
                       R"({"message":"The job was cancelled.","type":"invalid_request_error",)"
                       R"("param":null,"code":"cancelled"})",
                       now);
  if (!ended) {
    return fail(ended.error());
  }
  return find_job(session, id, owner);
}

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

Result<std::int64_t> append_deltas(Session& session, model::JobSeq seq, std::int64_t fence,
                                   const std::vector<std::string>& deltas) {
  auto count = session.prepare(
      "UPDATE jobs SET events=events+? WHERE seq=? AND fence=? AND state=1 RETURNING events");
  if (!count) {
    return fail(count.error());
  }
  std::int64_t last = 0;
  auto held = one_row(count->bind(static_cast<std::int64_t>(deltas.size())).bind(seq).bind(fence),
                      [&](const Statement& row) { last = row.integer(0); });
  if (!held || !*held) {
    return fail(held ? not_held() : held.error());
  }
  std::int64_t n = last - static_cast<std::int64_t>(deltas.size());
  for (const std::string& delta : deltas) {
    auto noted = insert_event(session, seq, ++n, "delta", delta);
    if (!noted) {
      return fail(noted.error());
    }
  }
  return last;
}

Result<void> hold_blob(Session& session, const Sha256& hash, std::string_view bytes) {
  auto update = session.prepare("UPDATE blobs SET holders=holders+1 WHERE hash=?");
  if (!update) {
    return fail(update.error());
  }
  auto counted = update->bind_blob(as_view(hash)).run();
  if (!counted || session.changes() != 0) {
    return counted;
  }
  auto insert = session.prepare("INSERT INTO blobs (hash, holders, data) VALUES (?,1,?)");
  if (!insert) {
    return fail(insert.error());
  }
  return insert->bind_blob(as_view(hash)).bind_blob(bytes).run();
}

Result<void> release_blob(Session& session, std::string_view hash) {
  {
    auto update = session.prepare("UPDATE blobs SET holders=holders-1 WHERE hash=?");
    if (!update) {
      return fail(update.error());
    }
    auto done = update->bind_blob(hash).run();
    if (!done) {
      return done;
    }
  }
  auto remove = session.prepare("DELETE FROM blobs WHERE hash=? AND holders<=0");
  if (!remove) {
    return fail(remove.error());
  }
  return remove->bind_blob(hash).run();
}

Result<model::Job> find_job(Session& session, const std::string& id, const std::string& owner) {
  const auto parsed = model::JobId::parse(id);
  if (!parsed) {
    return fail(no_job(id));
  }
  auto select = session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE seq=? AND tail=?");
  if (!select) {
    return fail(select.error());
  }
  model::Job job;
  auto found = one_row(select->bind(parsed->seq).bind(parsed->tail),
                       [&](const Statement& row) { job = read_job(row); });
  if (!found) {
    return fail(found.error());
  }
  if (!*found || (!owner.empty() && job.owner != owner)) {
    return fail(no_job(id));
  }
  return job;
}

}  // namespace headgate::stores::sqlite
