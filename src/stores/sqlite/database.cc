#include "stores/sqlite/database.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stores/sqlite/wal_check.h"

namespace headgate::stores::sqlite {
namespace {

constexpr int kBusyMilliseconds = 5000;
constexpr std::string_view kStoreUnavailable = "store_unavailable";
constexpr std::string_view kStoreDamaged = "store_damaged";
constexpr const char* kWritePragmas =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "PRAGMA trusted_schema=OFF;";

Error sqlite_error(sqlite3* connection, std::string_view what) {
  const int code = sqlite3_extended_errcode(connection);
  std::string detail =
      std::string(what) + ": " + sqlite3_errmsg(connection) + " (" + std::to_string(code) + ")";
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return store_unavailable(std::move(detail));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: {
      Error error = internal_error(std::move(detail));
      error.code = kStoreDamaged;
      return error;
    }
    default:
      return internal_error(std::move(detail));
  }
}

/// Once, before the first use: SQLite counts its memory under one lock for all threads otherwise.
void configure_sqlite() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(configured);
}

Error start_error(std::string message) { return invalid_request(std::move(message), "data_dir"); }

Result<void> refuse_newer(std::int64_t version, const Migrations& migrations) {
  if (version <= static_cast<std::int64_t>(migrations.size())) {
    return {};
  }
  return fail(start_error("The database has schema version " + std::to_string(version) +
                          "; this program knows versions up to " +
                          std::to_string(migrations.size()) + ". Use the newer program."));
}

/// A log whose file is gone or empty holds changes that SQLite would throw away unread.
Result<void> refuse_orphaned_log(const std::string& path) {
  // The log first: a program that makes a new database makes its log last.
  struct stat log{};
  const bool has_log = ::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
  struct stat file{};
  const bool has_file = ::stat(path.c_str(), &file) == 0 && file.st_size > 0;
  if (has_log && !has_file) {
    return fail(start_error(path + " is missing or empty, but " + path +
                            "-wal holds changes of it. Restore a backup."));
  }
  if (!has_file && ::stat((path + ".restoring").c_str(), &file) == 0) {
    return fail(start_error("A restore of " + path + " was cut short. Run it again."));
  }
  return {};
}

}  // namespace

Error store_unavailable(std::string detail) {
  Error error =
      overloaded("The store cannot write now, please try again later.", std::chrono::seconds(1));
  error.code = kStoreUnavailable;
  error.detail = std::move(detail);
  return error;
}

bool is_store_failure(const Error& error) {
  return error.code == kStoreUnavailable || error.code == kStoreDamaged;
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_) {}

Statement::~Statement() {
  if (statement_ != nullptr) {
    reset();
  }
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bound_ = 0;
}

Statement& Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, not the empty text.
  sqlite3_bind_text64(statement_, ++bound_, text.empty() ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(double value) {
  sqlite3_bind_double(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  sqlite3_bind_blob64(statement_, ++bound_, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::borrow(std::string_view text) {
  sqlite3_bind_text64(statement_, ++bound_, text.empty() ? "" : text.data(), text.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::borrow_blob(std::string_view bytes) {
  sqlite3_bind_blob64(statement_, ++bound_, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(std::optional<std::int64_t> value) {
  if (value) {
    return bind(*value);
  }
  sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

Result<bool> Statement::step() {
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) {
    return true;
  }
  if (status == SQLITE_DONE) {
    return false;
  }
  Error error = sqlite_error(connection_, sqlite3_sql(statement_));
  if ((status & 0xFF) == SQLITE_CONSTRAINT) {
    error.kind = ErrorKind::Conflict;
    error.message = "This name or key exists already.";
  }
  return fail(std::move(error));
}

Result<void> Statement::run() {
  auto stepped = step();
  if (!stepped) {
    return fail(stepped.error());
  }
  return {};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return integer(column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return bytes == nullptr
             ? std::string()
             : std::string(bytes,
                           static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::string Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return bytes == nullptr
             ? std::string()
             : std::string(bytes,
                           static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

Result<Statement> Database::Session::prepare(std::string_view sql) {
  for (const Cached& cached : database_.cache_) {
    if (cached.sql.data() == sql.data()) {
      return Statement(database_.connection_, cached.statement);
    }
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.connection_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return fail(sqlite_error(database_.connection_, sql));
  }
  database_.cache_.push_back({sql, statement});
  return Statement(database_.connection_, statement);
}

std::int64_t Database::Session::changes() const { return sqlite3_changes64(database_.connection_); }

std::int64_t Database::Session::total_changes() const {
  return sqlite3_total_changes64(database_.connection_);
}

bool Database::Session::in_transaction() const {
  return sqlite3_get_autocommit(database_.connection_) == 0;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 const Migrations& migrations) {
  auto paired = refuse_orphaned_log(path);
  if (!paired) {
    return fail(paired.error());
  }
  // Created by us first, so that it never exists with a wider mode; SQLite's own files follow it.
  const int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (created < 0) {
    return fail(start_error("Cannot open " + path + ": " + std::strerror(errno)));
  }
  struct stat file{};
  const bool shared = ::fstat(created, &file) == 0 && (file.st_mode & 077U) != 0;
  ::close(created);
  if (shared) {
    return fail(start_error(path + ": others can read it; make it mode 0600."));
  }
  std::unique_ptr<Database> database(new Database(path, Access::Write));
  auto ready = check_wal(path + "-wal");
  if (ready) {
    ready = database->connect();
  }
  if (ready) {
    ready = database->check_integrity();
  }
  if (ready) {
    auto version = database->schema_version();
    ready = version ? refuse_newer(*version, migrations) : fail(version.error());
  }
  if (ready) {
    ready = database->execute(kWritePragmas);
  }
  if (ready) {
    ready = database->migrate(migrations);
  }
  if (!ready) {
    const Error& why = ready.error();
    return fail(start_error(path + ": " +
                            (why.kind == ErrorKind::InvalidRequest ? why.message : why.detail) +
                            " The file is left as it is."));
  }
  sqlite3_db_config(database->connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  database->file_ = identity_of(path);
  database->ready_ = true;
  return database;
}

Result<std::unique_ptr<Database>> Database::open_reader(const std::string& path) {
  std::unique_ptr<Database> database(new Database(path, Access::Read));
  auto connected = database->connect();
  if (!connected) {
    return fail(connected.error());
  }
  // The first read opens the index of the log, which all connections share. As long as one holds
  // it, a connection made anew while the disk can only be read does not make it read-only for all.
  auto read = database->schema_version();
  if (!read) {
    return fail(read.error());
  }
  return database;
}

Database::~Database() { disconnect(); }

Result<void> Database::connect() {
  if (lost_) {
    return fail(*lost_);
  }
  if (connection_ != nullptr) {
    return {};
  }
  configure_sqlite();
  const int flags = access_ == Access::Read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int status =
      sqlite3_open_v2(path_.c_str(), &connection_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (status != SQLITE_OK) {
    std::string why = "Cannot open " + path_ + ": " + sqlite3_errmsg(connection_);
    disconnect();
    return fail(ready_ ? store_unavailable(std::move(why)) : start_error(std::move(why)));
  }
  sqlite3_busy_timeout(connection_, kBusyMilliseconds);
  if (!ready_) {
    // Refused files stay as they are: the last connection that closes would copy the log into them.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return {};
  }
  auto set = check_still_ours();
  if (set) {
    set = execute(kWritePragmas);
  }
  if (!set) {
    disconnect();
  }
  return set;
}

void Database::disconnect() {
  for (const Cached& cached : cache_) {
    sqlite3_finalize(cached.statement);
  }
  cache_.clear();
  log_.reset();
  sqlite3_close_v2(std::exchange(connection_, nullptr));
}

void Database::reopen() {
  const std::lock_guard lock(mutex_);
  if (lost_) {
    return;  // the old connection may be all that still knows the file; it ends with the program
  }
  disconnect();
  // Without a connection each later use tries, and says why it cannot.
  [[maybe_unused]] const auto tried = connect();
}

std::optional<Database::FileIdentity> Database::identity_of(const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) {
    return std::nullopt;
  }
  return FileIdentity{.device = file.st_dev, .inode = file.st_ino};
}

Result<void> Database::check_still_ours() {
  if (identity_of(path_) != file_) {
    // Whatever bears the name now is not ours to change, nor is a log beside it.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    lost_ = store_unavailable(path_ + " was deleted or replaced while in use; restart the gateway");
    return fail(*lost_);
  }
  const auto log = identity_of(path_ + "-wal");
  if (!log_) {
    log_ = log;
  } else if (log != log_) {
    // We still hold the deleted log; what it has must go to the file while we do.
    sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr);
    lost_ =
        store_unavailable(path_ + "-wal was deleted or replaced while in use; restart the gateway");
    return fail(*lost_);
  }
  return {};
}

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(sqlite_error(connection_, "store"));
  }
  return {};
}

Result<void> Database::begin() {
  undo();
  auto begun = execute("BEGIN IMMEDIATE");
  if (begun || !failing_) {
    return begun;
  }
  // A connection that was opened while the disk could only be read stays read-only for good.
  disconnect();
  auto connected = connect();
  return connected ? execute("BEGIN IMMEDIATE") : connected;
}

Result<void> Database::commit() {
  auto committed = execute("COMMIT");
  return committed ? check_still_ours() : committed;
}

void Database::note_failure(const Error& error) {
  if (is_store_failure(error)) {
    failing_ = true;
  }
}

Result<void> Database::check_writable() {
  if (!failing_) {
    return {};
  }
  auto written = transaction([this](Session&) -> Result<void> {
    auto version = schema_version();
    // The same as before, and yet a page to write.
    return version ? execute(("PRAGMA user_version=" + std::to_string(*version)).c_str())
                   : fail(version.error());
  });
  if (written) {
    failing_ = false;
  }
  return written;
}

void Database::undo() {
  if (sqlite3_get_autocommit(connection_) == 0) {
    sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> Database::check_integrity() {
  Session session(*this);
  auto check = session.prepare("PRAGMA quick_check(1)");
  if (!check) {
    return fail(check.error());
  }
  auto row = check->step();
  if (!row) {
    return fail(row.error());
  }
  if (!*row || check->text(0) != "ok") {
    return fail(start_error("The database is damaged (" + check->text(0) +
                            "). Restore it from a backup, or move it away to begin anew."));
  }
  return {};
}

Result<std::int64_t> Database::schema_version() {
  Session session(*this);
  auto ask = session.prepare("PRAGMA user_version");
  if (!ask) {
    return fail(ask.error());
  }
  auto row = ask->step();
  if (!row) {
    return fail(row.error());
  }
  return ask->integer(0);
}

Result<void> Database::migrate(const Migrations& migrations) {
  // Asked for inside the transaction: two programs may open a new file at the same time.
  auto begun = begin();
  if (!begun) {
    return begun;
  }
  auto version = schema_version();
  if (!version) {
    return fail(version.error());
  }
  auto known = refuse_newer(*version, migrations);
  if (!known) {
    return known;
  }
  const auto newest = static_cast<std::int64_t>(migrations.size());
  if (*version == newest) {
    undo();
    return {};
  }
  for (std::int64_t at = *version; at < newest; ++at) {
    auto done = execute(std::string(migrations[static_cast<std::size_t>(at)]).c_str());
    if (!done) {
      return done;
    }
  }
  return execute(("PRAGMA user_version=" + std::to_string(newest) + ";COMMIT").c_str());
}

}  // namespace headgate::stores::sqlite
