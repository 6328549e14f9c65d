#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stores/job_store.h"
#include "stores/sqlite/database.h"

// What can happen to a job, each as one change inside a transaction. A change that fails with
// another error than the store's has written nothing.
namespace headgate::stores::sqlite {

using Session = Database::Session;

/// `body_hash`: of the body if it is kept as a blob, else null.
Result<Submitted> insert_job(Session& session, const NewJob& job, const Sha256* body_hash);
Result<std::int64_t> begin_attempt(Session& session, model::JobSeq seq, std::int64_t fence,
                                   const std::vector<model::JobAttempt>& attempts);
Result<void> put_back(Session& session, model::JobSeq seq, std::int64_t fence,
                      const std::vector<model::JobAttempt>& attempts, std::int64_t not_before,
                      std::int64_t now);
Result<void> finish(Session& session, model::JobSeq seq, std::int64_t fence,
                    const JobEnding& ending);
Result<model::Job> cancel(Session& session, const std::string& id, const std::string& owner,
                          std::int64_t now);
Result<Recovery> recover(Session& session, std::int64_t now);
Result<std::vector<model::Job>> expire(Session& session, std::int64_t now, std::size_t limit);
Result<std::size_t> forget(Session& session, std::int64_t before, std::size_t limit);
Result<std::int64_t> append_deltas(Session& session, model::JobSeq seq, std::int64_t fence,
                                   const std::vector<std::string>& deltas);

/// Keeps `bytes` under `hash`, or counts one more holder of them.
Result<void> hold_blob(Session& session, const Sha256& hash, std::string_view bytes);
/// One holder less; the last one takes the bytes along.
Result<void> release_blob(Session& session, std::string_view hash);

/// NotFound if `owner` (empty: anyone) has no such job.
Result<model::Job> find_job(Session& session, const std::string& id, const std::string& owner);

}  // namespace headgate::stores::sqlite
