#pragma once

#include <memory>

#include "base/blocking_pool.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/job_stores.h"
#include "testing/temp_folder.h"

namespace headgate::testing {

/// What the stores of jobs on SQLite need, in a temporary folder that goes with it.
struct SqliteJobs {
  TempFolder folder;
  BlockingPool pool{"pool", 1, 16};
  std::unique_ptr<stores::sqlite::Database> database =
      stores::sqlite::Database::open(folder.file("jobs.db"), stores::sqlite::schema()).value();
  std::unique_ptr<stores::sqlite::Readers> readers =
      stores::sqlite::Readers::open(folder.file("jobs.db"), 2).value();
  stores::sqlite::Writer writer{*database};
  stores::sqlite::Engine engine{database.get(), &writer, readers.get(), &pool};
};

inline JobStores sqlite_jobs_of(const std::shared_ptr<SqliteJobs>& made) {
  return {made, stores::sqlite::make_job_store(made->engine),
          stores::sqlite::make_event_log(made->engine),
          stores::sqlite::make_blob_store(made->engine),
          stores::sqlite::make_usage_store(made->engine)};
}

inline JobStores make_sqlite_jobs() { return sqlite_jobs_of(std::make_shared<SqliteJobs>()); }

}  // namespace headgate::testing
