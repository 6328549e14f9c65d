#pragma once

#include <memory>

#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/identity_stores.h"
#include "testing/temp_folder.h"

namespace headgate::testing {

/// The stores on SQLite in a temporary folder that goes with them.
inline IdentityStores make_sqlite_identity() {
  struct Engine {
    TempFolder folder;
    std::unique_ptr<stores::sqlite::Database> database;
  };
  auto engine = std::make_shared<Engine>();
  engine->database =
      stores::sqlite::Database::open(engine->folder.file("headgate.db"), stores::sqlite::schema())
          .value();
  return {engine, stores::sqlite::make_key_store(*engine->database),
          stores::sqlite::make_user_store(*engine->database),
          stores::sqlite::make_token_store(*engine->database)};
}

}  // namespace headgate::testing
