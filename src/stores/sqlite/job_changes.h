#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stores/job_store.h"
#include "stores/sqlite/database.h"

// What can happen to a job once it is accepted, each as one change inside a transaction. A change
// that fails with another error than the store's has written nothing.
namespace headgate::stores::sqlite {

using Session = Database::Session;

Result<std::int64_t> begin_attempt(Session& session, model::JobSeq seq, std::int64_t fence,
                                   const std::vector<model::JobAttempt>& attempts);
Result<void> note_attempts(Session& session, model::JobSeq seq, std::int64_t fence,
                           const std::vector<model::JobAttempt>& attempts);
Result<void> put_back(Session& session, model::JobSeq seq, std::int64_t fence,
                      const JobReturn& back);
Result<void> finish(Session& session, model::JobSeq seq, std::int64_t fence,
                    const JobEnding& ending);
Result<model::Job> cancel(Session& session, const std::string& id, const std::string& owner,
                          std::int64_t now);
Result<std::int64_t> append_deltas(Session& session, model::JobSeq seq, std::int64_t fence,
                                   const std::vector<std::string>& deltas);

/// Ends a job whatever its fence is.
Result<void> end_now(Session& session, const model::Job& job, model::JobState state,
                     const std::string& error_json, std::int64_t now);
/// The attempt that was under way when something else ended it.
void end_last_attempt(std::vector<model::JobAttempt>& attempts, std::string_view outcome,
                      std::string_view error, std::int64_t now);

}  // namespace headgate::stores::sqlite
