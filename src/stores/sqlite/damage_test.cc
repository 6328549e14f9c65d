// Damage that happens to a database's files from outside: found at start or while in use, told, and
// never made worse.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "stores/sqlite/faulty_disk_testing.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "stores/sqlite/wal_check.h"
#include "testing/job_stores.h"
#include "testing/temp_folder.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;
using testing::TempFolder;

constexpr std::size_t kPage = 512;
constexpr std::size_t kFrame = kPage + 24;
const Migrations kTable = {"CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT;"};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  ::chmod(path.c_str(), 0600);
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* connection = nullptr;
  sqlite3_open(path.c_str(), &connection);
  EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(connection);
  sqlite3_close(connection);
}

Result<void> insert(Database& database, std::int64_t a) {
  return database.transaction([&](Session& session) -> Result<void> {
    auto statement = session.prepare("INSERT INTO t (a, b) VALUES (?, hex(zeroblob(20)))");
    return statement ? statement->bind(a).run() : fail(statement.error());
  });
}

/// Rows of t; -1 if it cannot be read.
std::int64_t count(Database& database) {
  return database
      .with([&](Session& session) -> Result<std::int64_t> {
        auto statement = session.prepare("SELECT count(*) FROM t");
        if (!statement) {
          return fail(statement.error());
        }
        auto row = statement->step();
        return row ? Result<std::int64_t>(statement->integer(0)) : fail(row.error());
      })
      .value_or(-1);
}

/// A database of `rows` rows, small pages, as a crash leaves it: `logged` more are in its log only.
struct Files {
  std::string file;
  std::string log;
};
Files make_files(int rows, int logged) {
  const FaultyDisk no_waiting_for_syncs;
  const TempFolder folder;
  const std::string path = folder.file("x.db");
  run_sql(path, "PRAGMA page_size=512; VACUUM");
  ::chmod(path.c_str(), 0600);
  auto database = Database::open(path, kTable);
  EXPECT_TRUE(database) << database.error().message;
  for (int i = 0; i < rows + logged; ++i) {
    if (i == rows) {
      run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    }
    EXPECT_TRUE(insert(**database, i));
  }
  if (logged == 0) {
    run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
  }
  return {.file = read_file(path), .log = read_file(path + "-wal")};
}

/// Opens a copy of `files`: the rows it has, or nothing if it is refused, which leaves it alone.
std::optional<std::int64_t> rows_of(const Files& files) {
  const FaultyDisk no_waiting_for_syncs;
  const TempFolder folder;
  const std::string path = folder.file("x.db");
  write_file(path, files.file);
  write_file(path + "-wal", files.log);
  {
    auto database = Database::open(path, kTable);
    if (database) {
      return count(**database);
    }
  }
  EXPECT_EQ(read_file(path), files.file) << "a damaged file must stay as it is";
  EXPECT_EQ(read_file(path + "-wal"), files.log) << "and its log";
  return std::nullopt;
}

TEST(StoreDamage, ALogCutAnywhereInItsLastFrameLosesThatFrameOnly) {
  const Files whole = make_files(3, 4);
  ASSERT_EQ((whole.log.size() - 32) % kFrame, 0U);
  ASSERT_EQ(rows_of(whole), 7);
  for (std::size_t cut = 1; cut <= kFrame; ++cut) {
    ASSERT_EQ(rows_of({whole.file, whole.log.substr(0, whole.log.size() - cut)}), 6) << cut;
  }
}

TEST(StoreDamage, AFlippedBitInTheLogIsFoundBeforeAcknowledgedRowsAreLost) {
  const Files whole = make_files(3, 6);
  const std::size_t frames = (whole.log.size() - 32) / kFrame;
  ASSERT_EQ(frames, 6U) << "one for each row";
  for (std::size_t at = 0; at < whole.log.size(); at += at < 64 ? 1 : 7) {
    Files flipped = whole;
    flipped.log[at] = static_cast<char>(flipped.log[at] ^ (1 << (at % 8)));
    const std::size_t frame = at < 32 ? 0 : (at - 32) / kFrame + 1;
    const auto rows = rows_of(flipped);
    if (frame + 2 <= frames) {
      // Two later transactions prove that it was on the disk.
      ASSERT_EQ(rows, std::nullopt) << at;
    } else if (frame == frames) {
      ASSERT_EQ(rows, 8) << "a broken last frame is one that was never finished";
    } else {
      ASSERT_TRUE(!rows || *rows == 7) << at;
    }
  }
}

TEST(StoreDamage, ALogOfZerosIsOneThatNeverReachedTheDisk) {
  const Files whole = make_files(3, 0);
  EXPECT_EQ(rows_of({whole.file, std::string(4096, '\0')}), 3);
  EXPECT_EQ(rows_of({whole.file, std::string(31, 'x')}), 3);
  EXPECT_EQ(rows_of({whole.file, std::string(4096, 'x')}), std::nullopt);
}

TEST(StoreDamage, FramesOfAnEarlierRoundDoNotMakeALogLookDamaged) {
  const TempFolder folder;
  const std::string path = folder.file("x.db");
  auto database = Database::open(path, kTable);
  ASSERT_TRUE(database);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(insert(**database, i));
  }
  run_sql(path, "PRAGMA wal_checkpoint(RESTART)");
  ASSERT_TRUE(insert(**database, 100));
  ASSERT_GT(std::filesystem::file_size(path + "-wal"), 32U + 10 * (4096 + 24));
  EXPECT_TRUE(check_wal(path + "-wal"));
  EXPECT_TRUE(Database::open(path, kTable));
}

TEST(StoreDamage, APageOfZerosIsFound) {
  const Files whole = make_files(200, 0);
  ASSERT_GT(whole.file.size(), 20 * kPage);
  for (std::size_t page = 0; page < whole.file.size() / kPage; ++page) {
    Files damaged = whole;
    damaged.file.replace(page * kPage, kPage, kPage, '\0');
    ASSERT_EQ(rows_of(damaged), std::nullopt) << page;
  }
}

TEST(StoreDamage, AFlippedBitInAPageIsRefusedOrChangesNoStructure) {
  const Files whole = make_files(200, 0);
  std::mt19937 random(7);
  int found = 0;
  for (int i = 0; i < 300; ++i) {
    Files flipped = whole;
    const std::size_t at = random() % flipped.file.size();
    flipped.file[at] = static_cast<char>(flipped.file[at] ^ (1 << (random() % 8)));
    const auto rows = rows_of(flipped);
    found += rows ? 0 : 1;
    // SQLite has no checksums in its pages: a letter that became another is a sound row.
    ASSERT_TRUE(!rows || *rows == 200) << at << ": " << *rows;
  }
  EXPECT_GT(found, 20);
}

TEST(StoreDamage, ALogWithoutItsFileIsNotThrownAway) {
  const Files whole = make_files(3, 4);
  const TempFolder folder;
  const std::string path = folder.file("x.db");
  write_file(path + "-wal", whole.log);
  for (const bool empty : {false, true}) {
    if (empty) {
      write_file(path, "");
    }
    const auto refused = Database::open(path, kTable);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("-wal"), std::string::npos);
    EXPECT_EQ(std::filesystem::exists(path), empty) << "nothing is made either";
    EXPECT_EQ(read_file(path + "-wal"), whole.log);
  }
}

TEST(StoreDamage, ANewerSchemaKeepsItsLog) {
  const Files whole = make_files(3, 4);
  const TempFolder folder;
  const std::string path = folder.file("x.db");
  write_file(path, whole.file);
  write_file(path + "-wal", whole.log);
  ASSERT_FALSE(Database::open(path, {}));
  EXPECT_EQ(read_file(path), whole.file);
  EXPECT_EQ(read_file(path + "-wal"), whole.log);
}

/// A writer and readers on a database whose files somebody moves about.
struct Running {
  TempFolder folder;
  std::string path = folder.file("x.db");
  std::unique_ptr<Database> database = Database::open(path, kTable).value();
  std::unique_ptr<Readers> readers = Readers::open(path, 1).value();
  std::optional<Writer> writer{std::in_place, *database};

  Result<void> add(std::int64_t a) {
    return testing::run(writer->run([a](Session& session) -> Result<void> {
      auto statement = session.prepare("INSERT INTO t (a, b) VALUES (?, 'x')");
      return statement ? statement->bind(a).run() : fail(statement.error());
    }));
  }
  void expect_refused() {
    for (int i = 100; i < 103; ++i) {
      const auto refused = add(i);
      ASSERT_FALSE(refused);
      EXPECT_TRUE(is_store_failure(refused.error()));
      EXPECT_EQ(refused.error().kind, ErrorKind::Overloaded);
      EXPECT_EQ(refused.error().message.find(folder.path()), std::string::npos);
      EXPECT_NE(refused.error().detail.find("restart"), std::string::npos);
    }
  }
  void stop() {
    writer.reset();
    readers.reset();
    database.reset();
  }
};

TEST(StoreDamage, ADeletedFileIsNoticedWithTheNextChange) {
  Running gateway;
  ASSERT_TRUE(gateway.add(1));
  std::filesystem::remove(gateway.path);
  gateway.expect_refused();
  gateway.stop();
  EXPECT_FALSE(std::filesystem::exists(gateway.path)) << "no empty one takes its place";
}

TEST(StoreDamage, AReplacedFileIsNoticedAndNotTouched) {
  Running gateway;
  ASSERT_TRUE(gateway.add(1));
  const Files other = make_files(5, 0);
  const std::string old = gateway.folder.file("old.db");
  std::filesystem::rename(gateway.path, old);
  std::filesystem::rename(gateway.path + "-wal", old + "-wal");
  write_file(gateway.path, other.file);
  gateway.expect_refused();
  gateway.stop();
  EXPECT_EQ(read_file(gateway.path), other.file);
  auto moved = Database::open(old, kTable);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_GE(count(**moved), 1) << "what was acknowledged is in the file that was moved away";
}

TEST(StoreDamage, ADeletedLogIsNoticedAndLosesNothing) {
  Running gateway;
  ASSERT_TRUE(gateway.add(1));
  ASSERT_TRUE(gateway.add(2));
  std::filesystem::remove(gateway.path + "-wal");
  gateway.expect_refused();
  // A crash now: only what is in the files counts.
  const Files left{.file = read_file(gateway.path), .log = {}};
  gateway.stop();
  const auto rows = rows_of(left);
  ASSERT_TRUE(rows);
  EXPECT_GE(*rows, 2);
}

}  // namespace
}  // namespace headgate::stores::sqlite
