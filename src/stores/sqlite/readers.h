#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/blocking_pool.h"
#include "base/result.h"
#include "base/task.h"
#include "stores/sqlite/database.h"

namespace headgate::stores::sqlite {

/// Threads that read a database, each on a connection of its own; they never wait for the writer.
class Readers final {
 public:
  static Result<std::unique_ptr<Readers>> open(const std::string& path, std::size_t threads);

  /// Runs `query` (Session& -> Result<T>) on a reader's thread and resumes the caller on its own
  /// loop. Overloaded if too many wait.
  template <class Query>
  auto run(Query query) -> Task<std::invoke_result_t<Query&, Database::Session&>> {
    auto outcome = co_await pool_.run([this, query = std::move(query)]() mutable {
      const Borrowed connection(*this);
      return connection.database->with(query);
    });
    if (!outcome) {
      co_return fail(outcome.error());
    }
    co_return std::move(*outcome);
  }

 private:
  explicit Readers(std::size_t threads) : pool_("store-reader", threads, 4096) {}
  struct Borrowed {
    Readers& readers;
    std::unique_ptr<Database> database;
    explicit Borrowed(Readers& lender);
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed();
  };

  std::mutex mutex_;  // guards the next field
  std::vector<std::unique_ptr<Database>> idle_;
  BlockingPool pool_;  // ends before the connections do
};

}  // namespace headgate::stores::sqlite
