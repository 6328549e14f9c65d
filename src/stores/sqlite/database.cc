#include "stores/sqlite/database.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate::stores::sqlite {
namespace {

constexpr int kBusyMilliseconds = 5000;

Error sqlite_error(sqlite3* connection, std::string_view what) {
  const int code = sqlite3_extended_errcode(connection);
  std::string detail =
      std::string(what) + ": " + sqlite3_errmsg(connection) + " (" + std::to_string(code) + ")";
  const int primary = code & 0xFF;
  if (primary == SQLITE_FULL || primary == SQLITE_BUSY || primary == SQLITE_IOERR) {
    Error error =
        overloaded("The store cannot write now, please try again later.", std::chrono::seconds(1));
    error.code = "store_unavailable";
    error.detail = std::move(detail);
    return error;
  }
  return internal_error(std::move(detail));
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

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_) {}

Statement::~Statement() {
  if (statement_ != nullptr) {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
}

Statement& Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
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

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 const Migrations& migrations) {
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
  sqlite3* connection = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &connection,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(connection));
  if (status != SQLITE_OK) {
    return fail(start_error("Cannot open " + path + ": " + sqlite3_errmsg(connection)));
  }
  sqlite3_busy_timeout(connection, kBusyMilliseconds);
  auto ready = database->check_integrity();
  if (ready) {
    auto version = database->schema_version();
    ready = version ? refuse_newer(*version, migrations) : fail(version.error());
  }
  if (ready) {
    ready = database->execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        "PRAGMA trusted_schema=OFF;");
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
  return database;
}

Database::~Database() {
  for (const Cached& cached : cache_) {
    sqlite3_finalize(cached.statement);
  }
  sqlite3_close_v2(connection_);
}

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(sqlite_error(connection_, "store"));
  }
  return {};
}

Result<void> Database::begin() {
  undo();
  return execute("BEGIN IMMEDIATE");
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

Result<void> make_data_folder(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) {
    path = path.parent_path();  // "data/" is "data"
  }
  std::error_code ec;
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), ec);
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(start_error("Cannot make the data folder " + folder + ": " + std::strerror(errno)));
  }
  return {};
}

Result<std::unique_ptr<DataFolderLock>> DataFolderLock::take(const std::string& folder) {
  auto made = make_data_folder(folder);
  if (!made) {
    return fail(made.error());
  }
  const std::string path = folder + "/headgate.lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(start_error("Cannot use the data folder " + folder + ": " + std::strerror(errno)));
  }
  std::unique_ptr<DataFolderLock> lock(new DataFolderLock(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    Error error = start_error("Another gateway is using the data folder " + folder + ".");
    error.kind = ErrorKind::Conflict;
    return fail(std::move(error));
  }
  return lock;
}

DataFolderLock::~DataFolderLock() { ::close(descriptor_); }

}  // namespace headgate::stores::sqlite
