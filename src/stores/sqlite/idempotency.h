#pragma once

#include <optional>

#include "base/result.h"
#include "model/job.h"
#include "stores/idempotency_store.h"
#include "stores/sqlite/database.h"

// Idempotency keys inside a transaction.
namespace headgate::stores::sqlite {

/// What a key has led to.
struct KnownKey {
  std::optional<model::JobSeq> job;
  std::optional<KeptAnswer> answer;
};

/// nullopt if the key is free. Unprocessable if it came with another body, Conflict if its call is
/// under way.
Result<std::optional<KnownKey>> find_key(Database::Session& session, const IdempotencyClaim& claim,
                                         std::int64_t now);
/// Claims a key that is free, for a job or for a call.
Result<void> claim_key(Database::Session& session, const IdempotencyClaim& claim,
                       std::optional<model::JobSeq> job);

}  // namespace headgate::stores::sqlite
