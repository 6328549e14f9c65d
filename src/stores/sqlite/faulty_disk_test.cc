#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stores/sqlite/faulty_disk_testing.h"
#include "testing/temp_folder.h"

namespace headgate::stores::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::Pair;

/// Runs SQL on a connection of its own; the first value of its last row, or the error.
std::string ask(const std::string& path, const std::string& sql) {
  sqlite3* connection = nullptr;
  std::string value;
  sqlite3_open(path.c_str(), &connection);
  const auto keep = [](void* kept, int, char** values, char**) {
    *static_cast<std::string*>(kept) = values[0] == nullptr ? "" : values[0];
    return 0;
  };
  if (sqlite3_exec(connection, sql.c_str(), keep, &value, nullptr) != SQLITE_OK) {
    value = sqlite3_errmsg(connection);
  }
  sqlite3_close(connection);
  return value;
}

TEST(FaultyDisk, KeepsWhatWasSyncedAndAnyPartOfTheRest) {
  std::map<std::string, int> seen;
  for (unsigned seed = 0; seed < 24; ++seed) {
    const testing::TempFolder folder;
    const std::string path = folder.file("x.db");
    FaultyDisk disk;
    sqlite3* connection = nullptr;
    sqlite3_open(path.c_str(), &connection);
    sqlite3_exec(connection,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a);"
                 "INSERT INTO t VALUES (1); PRAGMA synchronous=NORMAL; INSERT INTO t VALUES (2)",
                 nullptr, nullptr, nullptr);
    disk.lose_power();
    sqlite3_close(connection);
    EXPECT_NE(ask(path, "SELECT count(*) FROM t"), "2") << "there is no power";
    disk.restore_power(seed);
    ++seen[ask(path, "SELECT count(*) FROM t")];
  }
  EXPECT_THAT(seen, ElementsAre(Pair("1", Gt(0)), Pair("2", Gt(0))));
}

TEST(FaultyDisk, FailsTheOperationItWasToldTo) {
  const testing::TempFolder folder;
  const std::string path = folder.file("x.db");
  FaultyDisk disk;
  ask(path, "CREATE TABLE t (a)");
  using enum FaultyDisk::Operation;
  disk.fail(Write, 2, FaultyDisk::Fault::Full);
  EXPECT_EQ(ask(path, "INSERT INTO t VALUES (1)"), "database or disk is full");
  EXPECT_TRUE(disk.has_failed());
  disk.fail(Sync, 1, FaultyDisk::Fault::IoError);
  EXPECT_EQ(ask(path, "INSERT INTO t VALUES (1)"), "disk I/O error");
  EXPECT_EQ(ask(path, "INSERT INTO t VALUES (1); SELECT count(*) FROM t"), "1");
  EXPECT_GT(disk.count(Any), disk.count(Write));
}

}  // namespace
}  // namespace headgate::stores::sqlite
