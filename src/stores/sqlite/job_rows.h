#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/job.h"
#include "stores/sqlite/database.h"

namespace headgate::stores::sqlite {

/// The columns of `jobs` in the order that read_job() expects.
#define HEADGATE_JOB_COLUMNS                                                                     \
  "seq, tail, owner, client, kind, model, state, priority, work, max_attempts, attempts, fence," \
  " created_at, started_at, completed_at, not_before, start_by, finish_by, request_id,"          \
  " traceparent, webhook_url, error, input_tokens, output_tokens, cost"

/// The job in the current row.
model::Job read_job(const Statement& row);

/// The jobs in the rows of `select`.
Result<std::vector<model::Job>> read_jobs(Statement& select);
/// NotFound if `owner` (empty: anyone) has no such job.
Result<model::Job> find_job(Database::Session& session, const std::string& id,
                            const std::string& owner);

/// Attempts as they are kept, and back; what cannot be read is left out.
std::string encode_attempts(const std::vector<model::JobAttempt>& attempts);
std::vector<model::JobAttempt> decode_attempts(const std::string& text);

std::string encode_principal(const model::Principal& principal);
model::Principal decode_principal(const std::string& text);

/// The row in `jobs` has counted event `n` already: adds it to the log.
Result<void> insert_event(Database::Session& session, model::JobSeq seq, std::int64_t n,
                          std::string_view type, std::string_view data);
/// The data of a "status" event; `attempt` 0: none yet.
std::string status_event(model::JobState state, std::size_t attempt, std::int64_t now);

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

}  // namespace headgate::stores::sqlite
