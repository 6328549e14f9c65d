#include "stores/sqlite/job_changes.h"

#include <utility>

#include "base/ids.h"
#include "model/job_json.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/usage_changes.h"
#include "stores/sqlite/webhook_store.h"

// What a run used, in ?1 to ?3; tokens below 0 are unknown and change nothing.
#define HEADGATE_ADD_USE                                           \
  "input_tokens=iif(?1<0, input_tokens, max(input_tokens, 0)+?1)," \
  " output_tokens=iif(?2<0, output_tokens, max(output_tokens, 0)+?2), cost=cost+?3"

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

Result<void> count_ended(Session& session, const std::string& model, JobState state) {
  auto count = session.prepare(
      "INSERT INTO job_counts (model, state, jobs) VALUES (?,?,1)"
      " ON CONFLICT DO UPDATE SET jobs = jobs + 1");
  if (!count) {
    return fail(count.error());
  }
  return count->bind(model).bind(static_cast<std::int64_t>(state)).run();
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

}  // namespace

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

Result<void> note_attempts(Session& session, model::JobSeq seq, std::int64_t fence,
                           const std::vector<model::JobAttempt>& attempts) {
  auto update = session.prepare(
      "UPDATE jobs SET attempts=? WHERE seq=? AND fence=? AND state=1 RETURNING seq");
  if (!update) {
    return fail(update.error());
  }
  auto held = one_row(update->bind(encode_attempts(attempts)).bind(seq).bind(fence),
                      [](const Statement& /*row*/) {});
  if (!held || !*held) {
    return fail(held ? not_held() : held.error());
  }
  return {};
}

Result<void> put_back(Session& session, model::JobSeq seq, std::int64_t fence,
                      const JobReturn& back) {
  auto update = session.prepare(
      "UPDATE jobs SET " HEADGATE_ADD_USE
      ", state=0, attempts=?4, started_at=iif(?5=0, NULL, started_at), not_before=?6,"
      " events=events+1 WHERE seq=?7 AND fence=?8 AND state=1 RETURNING events");
  if (!update) {
    return fail(update.error());
  }
  std::int64_t event = 0;
  auto held = one_row(update->bind(back.input_tokens)
                          .bind(back.output_tokens)
                          .bind(back.cost)
                          .bind(encode_attempts(back.attempts))
                          .bind(static_cast<std::int64_t>(back.attempts.size()))
                          .bind(back.not_before)
                          .bind(seq)
                          .bind(fence),
                      [&](const Statement& row) { event = row.integer(0); });
  if (!held || !*held) {
    return fail(held ? not_held() : held.error());
  }
  return insert_event(session, seq, event, "status",
                      status_event(JobState::Queued, back.attempts.size(), back.now));
}

Result<void> finish(Session& session, model::JobSeq seq, std::int64_t fence,
                    const JobEnding& ending) {
  std::string model;
  std::string webhook_url;
  std::int64_t event = 0;
  {
    auto update = session.prepare(
        "UPDATE jobs SET " HEADGATE_ADD_USE
        ", state=?4, attempts=?5, completed_at=?6, error=?7, events=events+1"
        " WHERE seq=?8 AND fence=?9 AND state<2 RETURNING events, model, webhook_url");
    if (!update) {
      return fail(update.error());
    }
    auto held = one_row(update->bind(ending.input_tokens)
                            .bind(ending.output_tokens)
                            .bind(ending.cost)
                            .bind(static_cast<std::int64_t>(ending.state))
                            .bind(encode_attempts(ending.attempts))
                            .bind(ending.completed_at)
                            .bind(ending.error_json)
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
  auto charged = write_usage(session, ending.usage);
  if (!charged) {
    return charged;
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

void end_last_attempt(std::vector<model::JobAttempt>& attempts, std::string_view outcome,
                      std::string_view error, std::int64_t now) {
  if (!attempts.empty() && attempts.back().outcome.empty()) {
    attempts.back().ended_at = now;
    attempts.back().outcome = outcome;
    attempts.back().error = error;
  }
}

Result<void> end_now(Session& session, const model::Job& job, JobState state,
                     const std::string& error_json, std::int64_t now) {
  return finish(session, job.seq, job.fence,
                {.state = state,
                 .attempts = job.attempts,
                 .completed_at = now,
                 .result = {},
                 .error_json = error_json});
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

}  // namespace headgate::stores::sqlite
