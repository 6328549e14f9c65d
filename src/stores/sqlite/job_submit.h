#pragma once

#include "base/hash.h"
#include "base/result.h"
#include "stores/job_store.h"
#include "stores/sqlite/database.h"

namespace headgate::stores::sqlite {

/// As JobStore::submit, as one change inside a transaction. `body_hash`: of the body if it is kept
/// as a blob, else null.
Result<Submitted> insert_job(Database::Session& session, const NewJob& job,
                             const Sha256* body_hash);

}  // namespace headgate::stores::sqlite
