#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "stores/job_store.h"
#include "stores/sqlite/database.h"

// Forgetting what is kept no longer, each step as one change inside a transaction; see JobStore.
namespace headgate::stores::sqlite {

Result<std::vector<EndedJobs>> ended(Database::Session& session, std::string after,
                                     std::size_t limit);
Result<Forgotten> forget(Database::Session& session, const std::string& model, std::int64_t before,
                         std::size_t limit);
Result<Forgotten> forget_keys(Database::Session& session, std::int64_t now, std::size_t limit);

}  // namespace headgate::stores::sqlite
