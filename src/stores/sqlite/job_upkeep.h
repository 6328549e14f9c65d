#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "stores/job_store.h"
#include "stores/sqlite/database.h"

// What the store does with jobs unasked, each as one change inside a transaction.
namespace headgate::stores::sqlite {

/// As JobStore::recover.
Result<Recovery> recover(Database::Session& session, std::int64_t now);
/// As JobStore::expire.
Result<std::vector<model::Job>> expire(Database::Session& session, std::int64_t now,
                                       std::size_t limit);

}  // namespace headgate::stores::sqlite
