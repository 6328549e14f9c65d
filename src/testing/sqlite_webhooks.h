#pragma once

#include <memory>
#include <utility>

#include "base/blocking_pool.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/schema_webhooks.h"
#include "stores/sqlite/webhook_store.h"
#include "testing/temp_folder.h"
#include "testing/webhook_stores.h"

namespace headgate::testing {

/// The store on SQLite in a temporary folder that goes with it.
inline WebhookStoreUnderTest make_sqlite_webhooks() {
  struct Engine {
    TempFolder folder;
    std::unique_ptr<stores::sqlite::Database> database;
    BlockingPool pool{"store", 1, 64};
  };
  auto engine = std::make_shared<Engine>();
  engine->database = stores::sqlite::Database::open(engine->folder.file("webhooks.db"),
                                                    {stores::sqlite::kWebhookTables})
                         .value();
  stores::sqlite::Database& database = *engine->database;
  WebhookStoreUnderTest made;
  made.store = stores::sqlite::make_webhook_store(stores::sqlite::on_pool(database, engine->pool));
  made.add = [&database](const stores::WebhookDelivery& delivery) {
    return database.transaction([&](stores::sqlite::Database::Session& session) {
      return stores::sqlite::insert_delivery(session, delivery);
    });
  };
  made.forget = [&database](const std::string& job_id) {
    return database.transaction([&](stores::sqlite::Database::Session& session) {
      return stores::sqlite::forget_deliveries(session, job_id);
    });
  };
  made.engine = std::move(engine);
  return made;
}

}  // namespace headgate::testing
