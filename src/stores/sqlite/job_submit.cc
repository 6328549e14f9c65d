#include "stores/sqlite/job_submit.h"

#include <utility>

#include "stores/sqlite/blobs.h"
#include "stores/sqlite/idempotency.h"
#include "stores/sqlite/job_rows.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

Error answered_at_once() {
  Error error;
  error.kind = ErrorKind::Conflict;
  error.origin = Origin::Client;
  error.message = "This Idempotency-Key belongs to a call that was answered at once.";
  error.code = "idempotency_call";
  return error;
}

/// To run it again would be worse, and the retention that was asked for is kept.
Error job_forgotten() {
  Error error;
  error.kind = ErrorKind::Conflict;
  error.origin = Origin::Client;
  error.message =
      "This Idempotency-Key has made a job that is no longer kept: its retention is over. Use "
      "another key to run the request again.";
  error.code = "idempotency_job_gone";
  return error;
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
      .borrow(request.principal.id)
      .borrow(request.client_id)
      .borrow(request.kind)
      .borrow(request.model)
      .bind(static_cast<std::int64_t>(request.priority))
      .bind(std::int64_t{request.work})
      .bind(std::int64_t{request.max_attempts})
      .bind(job.created_at)
      .bind(request.start_by)
      .bind(request.finish_by)
      .borrow(request.request_id)
      .borrow(request.traceparent)
      .borrow(request.webhook_url)
      .run();
}

Result<void> insert_request(Session& session, const NewJob& job, const Sha256* body_hash) {
  const std::string principal = encode_principal(job.request.principal);
  auto insert = session.prepare(
      "INSERT INTO job_requests (seq, path, content_type, principal, body, body_hash)"
      " VALUES (?,?,?,?,?,?)");
  if (!insert) {
    return fail(insert.error());
  }
  const model::JobRequest& request = job.request;
  insert->bind(job.id.seq).borrow(request.path).borrow(request.content_type).borrow(principal);
  if (body_hash == nullptr) {
    insert->borrow_blob(request.body).bind(std::optional<std::int64_t>());
    return insert->run();
  }
  insert->bind(std::optional<std::int64_t>()).borrow_blob(as_view(*body_hash));
  auto inserted = insert->run();
  if (!inserted) {
    return inserted;
  }
  return hold_blob(session, *body_hash, request.body);
}

}  // namespace

Result<Submitted> insert_job(Session& session, const NewJob& job, const Sha256* body_hash) {
  if (job.idempotency) {
    auto earlier = find_by_key(session, *job.idempotency, job.created_at);
    if (!earlier) {
      return fail(earlier.error());
    }
    if (*earlier) {
      return Submitted{.seq = (*earlier)->seq, .id = (*earlier)->id, .replayed = true};
    }
  }
  auto done = insert_row(session, job);
  if (done && job.idempotency) {
    done = claim_key(session, *job.idempotency, job.id.seq);
  }
  if (done) {
    done = insert_request(session, job, body_hash);
  }
  if (!done) {
    return fail(done.error());
  }
  return Submitted{.seq = job.id.seq, .id = job.id.text()};
}

Result<std::optional<model::Job>> find_by_key(Session& session, const IdempotencyClaim& claim,
                                              std::int64_t now) {
  auto known = find_key(session, claim, now);
  if (!known) {
    return fail(known.error());
  }
  if (!*known) {
    return std::optional<model::Job>();
  }
  if (!(*known)->job) {
    return fail(answered_at_once());
  }
  auto select = session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE seq=?");
  if (!select) {
    return fail(select.error());
  }
  std::optional<model::Job> job;
  auto found =
      one_row(select->bind(*(*known)->job), [&](const Statement& row) { job = read_job(row); });
  if (!found) {
    return fail(found.error());
  }
  if (!*found) {
    return fail(job_forgotten());
  }
  return job;
}

}  // namespace headgate::stores::sqlite
