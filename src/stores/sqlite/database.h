#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace headgate::stores::sqlite {

/// A prepared statement in use: bind in order, step, read columns. Resets itself when destroyed.
class Statement final {
 public:
  Statement(sqlite3* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind_blob(std::string_view bytes);
  Statement& bind(std::optional<std::int64_t> value);

  /// True if there is a row to read, false at the end.
  Result<bool> step();
  /// Runs a statement that yields no rows. Conflict if a unique constraint refuses it.
  Result<void> run();

  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  std::string text(int column) const;
  std::string blob(int column) const;

 private:
  sqlite3* connection_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

/// One step of the schema: SQL that takes version n-1 to n, n being its place from 1.
using Migrations = std::vector<std::string_view>;

/// One SQLite file with one connection: WAL, synchronous=FULL, so a committed transaction survives
/// loss of power. All use goes through `with`, one caller at a time; calls block.
class Database final {
 public:
  /// Opens or creates `path` with mode 0600 and brings its schema up to date. Refuses, and never
  /// touches, a file that fails the integrity check, whose schema is newer than this program, or
  /// that others may read.
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                const Migrations& migrations);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// What a caller holds while it works; not to be kept.
  class Session final {
   public:
    /// The statement of this SQL text (a literal: it is the cache's key), ready to bind.
    Result<Statement> prepare(std::string_view sql);
    std::int64_t changes() const;

   private:
    friend class Database;
    explicit Session(Database& database) : database_(database) {}
    Database& database_;
  };

  /// Runs `work` alone on the connection.
  template <class Work>
  auto with(Work work) -> decltype(work(std::declval<Session&>())) {
    const std::lock_guard lock(mutex_);
    Session session(*this);
    return work(session);
  }

  /// As with(), in a transaction that commits if `work` succeeds and is undone if it fails.
  template <class Work>
  auto transaction(Work work) -> decltype(work(std::declval<Session&>())) {
    const std::lock_guard lock(mutex_);
    Session session(*this);
    auto begun = begin();
    if (!begun) {
      return fail(begun.error());
    }
    const Undo undo_what_is_left{*this};
    auto result = work(session);
    if (result) {
      auto committed = execute("COMMIT");
      if (!committed) {
        return fail(committed.error());
      }
    }
    return result;
  }

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}
  Result<void> execute(const char* sql);
  Result<void> begin();
  /// Ends a transaction that is still open.
  void undo();
  Result<std::int64_t> schema_version();
  Result<void> check_integrity();
  Result<void> migrate(const Migrations& migrations);

  struct Undo {
    Database& database;
    ~Undo() { database.undo(); }
  };
  struct Cached {
    std::string_view sql;
    sqlite3_stmt* statement;
  };
  sqlite3* connection_;
  std::mutex mutex_;  // guards the connection and `cache_`
  std::vector<Cached> cache_;
};

/// Creates a data folder with mode 0700 if it is missing; one that exists stays as it is.
Result<void> make_data_folder(const std::string& folder);

/// Keeps a data folder to one gateway: an exclusive lock on `headgate.lock` in it, held while this
/// lives and freed by the system however the process ends.
class DataFolderLock final {
 public:
  /// Makes the folder if it is missing. Conflict if another process holds the
  /// lock.
  static Result<std::unique_ptr<DataFolderLock>> take(const std::string& folder);
  ~DataFolderLock();
  DataFolderLock(const DataFolderLock&) = delete;
  DataFolderLock& operator=(const DataFolderLock&) = delete;

 private:
  explicit DataFolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace headgate::stores::sqlite
