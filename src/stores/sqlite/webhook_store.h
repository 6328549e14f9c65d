#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/blocking_pool.h"
#include "base/task.h"
#include "stores/sqlite/database.h"
#include "stores/webhook_store.h"

namespace headgate::stores::sqlite {

/// Part of a transaction.
using Work = std::move_only_function<Result<void>(Database::Session& session)>;
/// Carries out work away from the event loops, in a transaction that is on disk when the task
/// completes, or undone if it fails.
using RunWork = std::function<Task<Result<void>>(Work work)>;

/// Runs work on a thread of `pool`. Borrows both.
RunWork on_pool(Database& database, BlockingPool& pool);

std::unique_ptr<WebhookStore> make_webhook_store(RunWork run);

// What JobStore does inside its own transactions.

/// Conflict if there is a delivery with this id.
Result<void> insert_delivery(Database::Session& session, const WebhookDelivery& delivery);
/// Forgets the deliveries of a job.
Result<void> forget_deliveries(Database::Session& session, const std::string& job_id);

}  // namespace headgate::stores::sqlite
