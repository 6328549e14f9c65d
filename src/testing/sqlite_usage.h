#pragma once

#include <memory>
#include <string>

#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/usage_stores.h"

namespace headgate::testing {

/// The store on SQLite in `folder`.
inline UsageStoreUnderTest make_sqlite_usage(const std::string& folder) {
  struct Engine {
    explicit Engine(const std::string& file)
        : database(stores::sqlite::Database::open(file, stores::sqlite::schema()).value()),
          readers(stores::sqlite::Readers::open(file, 1).value()) {}
    BlockingPool pool{"pool", 1, 16};
    std::unique_ptr<stores::sqlite::Database> database;
    std::unique_ptr<stores::sqlite::Readers> readers;
    stores::sqlite::Writer writer{*database};
  };
  auto engine = std::make_shared<Engine>(folder + "/usage.db");
  auto store = stores::sqlite::make_usage_store({.database = engine->database.get(),
                                                 .writer = &engine->writer,
                                                 .readers = engine->readers.get(),
                                                 .pool = &engine->pool});
  return {std::move(engine), std::move(store)};
}

}  // namespace headgate::testing
