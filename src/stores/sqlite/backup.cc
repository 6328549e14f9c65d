#include "stores/sqlite/backup.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stores/sqlite/data_folder.h"

namespace headgate::stores::sqlite {
namespace {

constexpr int kBusyMilliseconds = 5000;

Error cannot(const std::string& what) { return invalid_request("Cannot " + what + "."); }
Error system_error(const std::string& what) { return cannot(what + ": " + std::strerror(errno)); }

std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

class Connection final {
 public:
  Connection(const std::string& path, int flags)
      : status_(sqlite3_open_v2(path.c_str(), &connection_, flags, nullptr)) {
    sqlite3_busy_timeout(connection_, kBusyMilliseconds);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sqlite3_close(connection_); }
  bool is_open() const { return status_ == SQLITE_OK; }
  sqlite3* get() const { return connection_; }
  std::string problem() const { return sqlite3_errmsg(connection_); }
  bool run(const char* sql) const {
    return sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  /// The first value of the only row.
  Result<std::string> ask(const char* sql) const {
    std::string value;
    const auto keep = [](void* kept, int, char** values, char**) {
      *static_cast<std::string*>(kept) = values[0] == nullptr ? "" : values[0];
      return 0;
    };
    if (sqlite3_exec(connection_, sql, keep, &value, nullptr) != SQLITE_OK) {
      return fail(invalid_request(problem()));
    }
    return value;
  }

 private:
  sqlite3* connection_ = nullptr;
  int status_;
};

/// A file in the making, which is gone unless it gets its name.
class Draft final {
 public:
  explicit Draft(std::string path) : path_(std::move(path)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (!path_.empty()) {
      ::unlink(path_.c_str());
    }
  }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

/// Copies all pages of a database in one read transaction into the empty file `copy`, which then is
/// a database without a log of its own.
Result<void> copy_pages(const std::string& path, const std::string& copy) {
  const Connection from(path, SQLITE_OPEN_READONLY);
  const Connection to(copy, SQLITE_OPEN_READWRITE);
  if (!from.is_open() || !to.is_open()) {
    return fail(cannot("read " + path + ": " + from.problem()));
  }
  // The copy counts only once it has been synced as a whole.
  if (!to.run("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")) {
    return fail(cannot("write " + copy + ": " + to.problem()));
  }
  sqlite3_backup* copying = sqlite3_backup_init(to.get(), "main", from.get(), "main");
  if (copying != nullptr) {
    sqlite3_backup_step(copying, -1);
  }
  if (copying == nullptr || sqlite3_backup_finish(copying) != SQLITE_OK) {
    return fail(cannot("copy " + path + ": " + to.problem()));
  }
  if (!to.run("PRAGMA journal_mode=DELETE")) {
    return fail(cannot("write " + copy + ": " + to.problem()));
  }
  return {};
}

/// Checks a finished copy and brings it to the disk.
Result<Copied> check_copy(const std::string& copy, const std::string& origin) {
  Copied copied;
  {
    const Connection connection(copy, SQLITE_OPEN_READONLY);
    auto verdict = connection.ask("PRAGMA integrity_check(1)");
    if (!verdict || *verdict != "ok") {
      return fail(invalid_request(
          origin + " is damaged: " + (verdict ? *verdict : verdict.error().message) + "."));
    }
    auto has_jobs =
        connection.ask("SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='jobs'");
    if (has_jobs && *has_jobs == "1") {
      auto jobs = connection.ask("SELECT count(*) FROM jobs");
      if (!jobs) {
        return fail(jobs.error());
      }
      copied.jobs = std::stoull(*jobs);
    }
  }
  const int descriptor = ::open(copy.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  const bool synced =
      descriptor >= 0 && ::fstat(descriptor, &status) == 0 && ::fsync(descriptor) == 0;
  Error why = system_error("write " + copy);
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  if (!synced) {
    return fail(std::move(why));
  }
  copied.bytes = static_cast<std::uint64_t>(status.st_size);
  return copied;
}

/// Gives a file another name, which must be free.
Result<void> name_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (errno == EINVAL && ::link(from.c_str(), to.c_str()) == 0) {  // an old file system
    ::unlink(from.c_str());
    return {};
  }
  return fail(system_error("make " + to));
}

Result<void> refuse_as_restore(const std::string& copy, const std::string& file,
                               std::size_t newest_schema) {
  const Connection connection(copy, SQLITE_OPEN_READONLY);
  auto version = connection.ask("PRAGMA user_version");
  auto ours =
      connection.ask("SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='api_keys'");
  if (!version || !ours || *ours != "1" || *version == "0") {
    return fail(invalid_request(file + " is not a database of Headgate."));
  }
  if (std::stoull(*version) > newest_schema) {
    return fail(invalid_request(file + " has schema version " + *version +
                                "; this program knows versions up to " +
                                std::to_string(newest_schema) + ". Use the newer program."));
  }
  return {};
}

/// Both files under a second name, so that at every moment a whole pair exists.
Result<void> keep_aside(const std::string& path, const std::string& aside) {
  for (const char* part : {"", "-wal"}) {
    if (exists(path + part) && ::link((path + part).c_str(), (aside + part).c_str()) != 0) {
      return fail(system_error("keep " + path + part));
    }
  }
  auto synced = sync_folder(folder_of(path));
  if (!synced) {
    return synced;
  }
  // The file before its log: a log alone is refused at start, a file alone would look sound.
  for (const char* part : {"", "-wal", "-shm"}) {
    if (::unlink((path + part).c_str()) != 0 && errno != ENOENT) {
      return fail(system_error("remove " + path + part));
    }
  }
  return {};
}

}  // namespace

Result<Copied> backup(const std::string& path, const std::string& file) {
  if (exists(file)) {
    return fail(invalid_request(file + " exists already; a backup never overwrites a file."));
  }
  if (!exists(path)) {
    return fail(invalid_request("There is no database " + path + "."));
  }
  std::string draft_name = file + ".partial-XXXXXX";
  const int descriptor = ::mkostemp(draft_name.data(), O_CLOEXEC);  // mode 0600
  if (descriptor < 0) {
    return fail(system_error("write " + file));
  }
  ::close(descriptor);
  Draft draft(draft_name);
  auto copied = copy_pages(path, draft_name);
  if (!copied) {
    return fail(copied.error());
  }
  auto checked = check_copy(draft_name, path);
  if (!checked) {
    return checked;
  }
  auto named = name_new(draft_name, file);
  if (!named) {
    return fail(named.error());
  }
  draft.keep();
  auto synced = sync_folder(folder_of(file));
  if (!synced) {
    return fail(synced.error());
  }
  return checked;
}

Result<Copied> restore(const std::string& file, const std::string& path, std::size_t newest_schema,
                       const std::string& now) {
  if (!exists(file)) {
    return fail(invalid_request("There is no file " + file + "."));
  }
  // What Database::open() knows as a restore that was cut short, if the database itself is gone.
  const std::string draft_name = path + ".restoring";
  const int descriptor =
      ::open(draft_name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return fail(system_error("write " + draft_name));
  }
  ::close(descriptor);
  Draft draft(draft_name);
  auto copied = copy_pages(file, draft_name);
  if (!copied) {
    return fail(copied.error());
  }
  auto checked = check_copy(draft_name, file);
  if (!checked) {
    return checked;
  }
  auto refused = refuse_as_restore(draft_name, file, newest_schema);
  if (!refused) {
    return fail(refused.error());
  }
  if (exists(path) || exists(path + "-wal")) {
    checked->replaced = path + ".before-restore-" + now;
    auto kept = keep_aside(path, checked->replaced);
    if (!kept) {
      return fail(kept.error());
    }
  }
  if (::rename(draft_name.c_str(), path.c_str()) != 0) {
    draft.keep();
    return fail(system_error("write " + path));
  }
  draft.keep();
  auto synced = sync_folder(folder_of(path));
  if (!synced) {
    return fail(synced.error());
  }
  return checked;
}

}  // namespace headgate::stores::sqlite
