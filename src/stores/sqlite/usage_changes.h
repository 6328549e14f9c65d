#pragma once

#include "base/result.h"
#include "stores/sqlite/database.h"
#include "stores/usage_store.h"

// What can happen to usage, each as one change inside a transaction, such as the one that begins or
// ends a job's attempt. A change that fails with another error than the store's has written
// nothing.
namespace headgate::stores::sqlite {

/// As UsageStore::open_reservation.
Result<void> open_reservation(Database::Session& session, const OpenReservation& reservation);
/// As UsageStore::settle.
Result<void> settle_usage(Database::Session& session, const Settlement& settlement);
/// Adds what was used without a reservation.
Result<void> add_usage(Database::Session& session, const UsageRecord& record);
/// As UsageStore::write.
Result<void> write_usage(Database::Session& session, const UsageBatch& batch);

}  // namespace headgate::stores::sqlite
