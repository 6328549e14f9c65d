#pragma once

#include <cstdint>
#include <optional>

#include "base/hash.h"
#include "base/result.h"
#include "stores/job_store.h"
#include "stores/sqlite/database.h"

namespace headgate::stores::sqlite {

/// As JobStore::submit, as one change inside a transaction. `body_hash`: of the body if it is kept
/// as a blob, else null. The job's first event is not kept: it follows from the job's row.
Result<Submitted> insert_job(Database::Session& session, const NewJob& job,
                             const Sha256* body_hash);
/// As JobStore::find_by_key.
Result<std::optional<model::Job>> find_by_key(Database::Session& session,
                                              const IdempotencyClaim& claim, std::int64_t now);

}  // namespace headgate::stores::sqlite
