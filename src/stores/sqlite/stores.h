#pragma once

#include <memory>

#include "base/blocking_pool.h"
#include "stores/blob_store.h"
#include "stores/event_log.h"
#include "stores/idempotency_store.h"
#include "stores/job_store.h"
#include "stores/key_store.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/readers.h"
#include "stores/sqlite/writer.h"
#include "stores/token_store.h"
#include "stores/usage_store.h"
#include "stores/user_store.h"

namespace headgate::stores::sqlite {

/// Each borrows `database`.
std::unique_ptr<KeyStore> make_key_store(Database& database);
std::unique_ptr<UserStore> make_user_store(Database& database);
std::unique_ptr<TokenStore> make_token_store(Database& database);

/// What the stores of jobs and usage work with; all borrowed.
struct Engine {
  Database* database;  ///< for start-up, before the writer has work
  Writer* writer;
  Readers* readers;
  BlockingPool* pool;  ///< for hashing large bodies
};
std::unique_ptr<JobStore> make_job_store(Engine engine);
std::unique_ptr<EventLog> make_event_log(Engine engine);
std::unique_ptr<BlobStore> make_blob_store(Engine engine);
std::unique_ptr<IdempotencyStore> make_idempotency_store(Engine engine);
std::unique_ptr<UsageStore> make_usage_store(Engine engine);

}  // namespace headgate::stores::sqlite
