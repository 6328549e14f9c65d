#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  Statement& bind(double value);
  /// As bind() and bind_blob(), without a copy: the bytes must stay until the statement is reset
  /// or destroyed.
  Statement& borrow(std::string_view text);
  Statement& borrow_blob(std::string_view bytes);

  /// True if there is a row to read, false at the end.
  Result<bool> step();
  /// Runs a statement that yields no rows. Conflict if a unique constraint refuses it.
  Result<void> run();
  /// For the next use of the same statement: as prepared, nothing bound.
  void reset();

  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  double real(int column) const;
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
  /// touches, a file that fails the integrity check, whose log is damaged (wal_check.h) or without
  /// it, whose schema is newer than this program, or that others may read.
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                const Migrations& migrations);
  /// A second connection to a file that is open already, for reading only: it sees what has been
  /// committed and is never in the writer's way.
  static Result<std::unique_ptr<Database>> open_reader(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// What a caller holds while it works; not to be kept.
  class Session final {
   public:
    /// The statement of this SQL text (a literal: it is the cache's key), ready to bind.
    Result<Statement> prepare(std::string_view sql);
    /// Rows that the last statement changed.
    std::int64_t changes() const;
    /// Rows changed since the connection was opened.
    std::int64_t total_changes() const;
    /// False once a failure has undone the transaction already.
    bool in_transaction() const;

   private:
    friend class Database;
    explicit Session(Database& database) : database_(database) {}
    Database& database_;
  };

  /// Begins anew with a fresh connection, as one must after a failed write: what the old one
  /// believes to be on disk may not be. If that fails too, each later use tries again. If the file
  /// or its log was deleted or replaced, nothing is opened again: each later use fails.
  void reopen();

  /// Fails while changes do, because the disk is full or broken: if the last one failed so, one
  /// that changes nothing is written to see whether that is over.
  Result<void> check_writable();

  /// Runs `work` alone on the connection.
  template <class Work>
  auto with(Work work) -> decltype(work(std::declval<Session&>())) {
    const std::lock_guard lock(mutex_);
    auto connected = connect();
    if (!connected) {
      return fail(connected.error());
    }
    Session session(*this);
    return work(session);
  }

  /// As with(), in a transaction that commits if `work` succeeds and is undone if it fails.
  template <class Work>
  auto transaction(Work work) -> decltype(work(std::declval<Session&>())) {
    const std::lock_guard lock(mutex_);
    auto connected = connect();
    if (!connected) {
      return fail(connected.error());
    }
    Session session(*this);
    auto begun = begin();
    if (!begun) {
      note_failure(begun.error());
      return fail(begun.error());
    }
    const Undo undo_what_is_left{*this};
    auto result = work(session);
    if (result) {
      auto committed = commit();
      if (!committed) {
        note_failure(committed.error());
        return fail(committed.error());
      }
    } else {
      note_failure(result.error());
    }
    return result;
  }

 private:
  enum class Access : std::uint8_t { Write, Read };
  Database(std::string path, Access access) : path_(std::move(path)), access_(access) {}
  /// Opens the connection unless there is one.
  Result<void> connect();
  void disconnect();
  Result<void> execute(const char* sql);
  Result<void> begin();
  /// Success means that the change is on disk, in the file that bears our name.
  Result<void> commit();
  Result<void> check_still_ours();
  void note_failure(const Error& error);
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
  /// Which file a name stands for.
  struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool operator==(const FileIdentity&) const = default;
  };
  static std::optional<FileIdentity> identity_of(const std::string& path);
  const std::string path_;
  const Access access_;
  std::atomic<bool> failing_{false};  // the last change that was to be written was not
  sqlite3* connection_ = nullptr;
  bool ready_ = false;  // checked and migrated: a later connection needs no more of that
  std::optional<FileIdentity> file_;  // once ready
  std::optional<FileIdentity> log_;   // since the first commit of this connection
  std::optional<Error> lost_;         // the file or its log is not ours any more
  std::mutex mutex_;                  // guards the connection and what goes with it
  std::vector<Cached> cache_;
};

/// Whether an error means that the disk or the file failed, not the change itself.
bool is_store_failure(const Error& error);
/// Such an error, for a change that may be tried again.
Error store_unavailable(std::string detail);

}  // namespace headgate::stores::sqlite
