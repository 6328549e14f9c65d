#include "stores/sqlite/database.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "stores/sqlite/data_folder.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/identity_stores.h"
#include "testing/temp_folder.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;
using testing::TempFolder;

const Migrations kOne = {"CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT;"};
const Migrations kTwo = {kOne[0], "ALTER TABLE t ADD COLUMN c TEXT;"};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

Result<void> insert(Database& database, std::int64_t a) {
  return database.transaction([&](Session& session) -> Result<void> {
    auto statement = session.prepare("INSERT INTO t (a) VALUES (?)");
    return statement ? statement->bind(a).run() : fail(statement.error());
  });
}

std::int64_t count(Database& database) {
  return *database.with([&](Session& session) -> Result<std::int64_t> {
    auto statement = session.prepare("SELECT count(*) FROM t");
    return statement && statement->step() ? statement->integer(0) : -1;
  });
}

TEST(Database, IsReadableByItsOwnerOnly) {
  const TempFolder folder;
  auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_TRUE(database) << database.error().message;
  ASSERT_TRUE(insert(**database, 1));
  EXPECT_EQ(mode_of(folder.file("x.db")), 0600U);
  EXPECT_EQ(mode_of(folder.file("x.db-wal")), 0600U);
}

TEST(Database, RefusesAFileThatOthersCanRead) {
  const TempFolder folder;
  ASSERT_TRUE(Database::open(folder.file("x.db"), kOne));
  ASSERT_EQ(::chmod(folder.file("x.db").c_str(), 0644), 0);
  const auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_FALSE(database);
  EXPECT_NE(database.error().message.find("0600"), std::string::npos) << database.error().message;
}

TEST(Database, SyncsEveryCommitToDisk) {
  const TempFolder folder;
  auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_TRUE(database);
  const auto asked = (*database)->with([](Session& session) -> Result<int> {
    auto mode = session.prepare("PRAGMA journal_mode");
    EXPECT_TRUE(mode->step().value());
    EXPECT_EQ(mode->text(0), "wal");
    auto synchronous = session.prepare("PRAGMA synchronous");
    EXPECT_TRUE(synchronous->step().value());
    EXPECT_EQ(synchronous->integer(0), 2) << "FULL";
    return 0;
  });
  EXPECT_TRUE(asked);
}

TEST(Database, MigratesAnOldFileAndKeepsItsRows) {
  const TempFolder folder;
  {
    auto old = Database::open(folder.file("x.db"), kOne);
    ASSERT_TRUE(old);
    ASSERT_TRUE(insert(**old, 7));
  }
  auto database = Database::open(folder.file("x.db"), kTwo);
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(count(**database), 1);
  const auto asked = (*database)->with([](Session& session) -> Result<int> {
    EXPECT_TRUE(session.prepare("SELECT c FROM t"));
    return 0;
  });
  EXPECT_TRUE(asked);
}

TEST(Database, RefusesANewerSchemaWithoutTouchingTheFile) {
  const TempFolder folder;
  ASSERT_TRUE(Database::open(folder.file("x.db"), kTwo));
  const std::string before = read_file(folder.file("x.db"));
  const auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_FALSE(database);
  EXPECT_NE(database.error().message.find("version 2"), std::string::npos)
      << database.error().message;
  EXPECT_EQ(read_file(folder.file("x.db")), before);
}

TEST(Database, AFailedMigrationChangesNothing) {
  const TempFolder folder;
  ASSERT_TRUE(Database::open(folder.file("x.db"), kOne));
  const Migrations broken = {kOne[0], "CREATE TABLE u (a); CREATE TABLE t (a);"};
  EXPECT_FALSE(Database::open(folder.file("x.db"), broken));
  auto database = Database::open(folder.file("x.db"), kTwo);
  ASSERT_TRUE(database) << database.error().message;
  const auto asked = (*database)->with([](Session& session) -> Result<int> {
    EXPECT_FALSE(session.prepare("SELECT * FROM u"));
    return 0;
  });
  EXPECT_TRUE(asked);
}

TEST(Database, KeepsADamagedFileAsItIs) {
  const TempFolder folder;
  const std::string path = folder.file("x.db");
  {
    auto database = Database::open(path, kOne);
    ASSERT_TRUE(database);
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(insert(**database, i));
    }
  }
  std::string bytes = read_file(path);
  ASSERT_GE(bytes.size(), 8192U);
  bytes.replace(4096, 64, std::string(64, '\xA5'));  // the root page of the table
  std::ofstream(path, std::ios::binary) << bytes;
  const auto damaged = Database::open(path, kOne);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(read_file(path), bytes);

  std::ofstream(path, std::ios::binary) << "this was never a database, whatever its name says";
  const auto foreign = Database::open(path, kOne);
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("not a database"), std::string::npos)
      << foreign.error().message;
  EXPECT_TRUE(read_file(path).starts_with("this was never"));
}

TEST(Database, TwoProgramsMayOpenANewFileAtOnce) {
  const TempFolder folder;
  std::atomic<int> opened{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto database = Database::open(folder.file("x.db"), kTwo);
      opened += database ? 1 : 0;
      if (!database) {
        ADD_FAILURE() << database.error().message;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(opened, 4);
}

TEST(Database, UndoesATransactionThatFails) {
  const TempFolder folder;
  auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_TRUE(database);
  const auto failed = (*database)->transaction([](Session& session) -> Result<void> {
    auto statement = session.prepare("INSERT INTO t (a) VALUES (?)");
    EXPECT_TRUE(statement->bind(std::int64_t{1}).run());
    return fail(internal_error("changed my mind"));
  });
  EXPECT_FALSE(failed);
  EXPECT_EQ(count(**database), 0);
}

TEST(Database, WorksOnAfterAnExceptionInsideATransaction) {
  const TempFolder folder;
  auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_TRUE(database);
  EXPECT_THROW(std::ignore = (*database)->transaction([](Session& session) -> Result<void> {
    auto statement = session.prepare("INSERT INTO t (a) VALUES (?)");
    EXPECT_TRUE(statement->bind(std::int64_t{1}).run());
    throw std::runtime_error("a bug");
  }),
               std::runtime_error);
  EXPECT_TRUE(insert(**database, 2));
  EXPECT_EQ(count(**database), 1);
}

TEST(Database, AFullDiskIsAnErrorThatPasses) {
  const TempFolder folder;
  auto database = Database::open(folder.file("x.db"), kOne);
  ASSERT_TRUE(database);
  const auto limit_pages = [&](const std::string& sql) {
    EXPECT_TRUE((*database)->with([&](Session& session) -> Result<int> {
      auto statement = session.prepare(sql);
      EXPECT_TRUE(statement && statement->step());
      return 0;
    }));
  };
  const std::string tight = "PRAGMA max_page_count=3";
  const std::string loose = "PRAGMA max_page_count=100000";
  limit_pages(tight);
  const std::string big(100'000, 'x');
  const auto write = [&] {
    return (*database)->transaction([&](Session& session) -> Result<void> {
      auto statement = session.prepare("INSERT INTO t (b) VALUES (?)");
      return statement ? statement->bind(big).run() : fail(statement.error());
    });
  };
  const auto full = write();
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::Overloaded);
  EXPECT_EQ(full.error().message.find("INSERT"), std::string::npos) << "SQL is for the log only";
  EXPECT_EQ(count(**database), 0);
  limit_pages(loose);
  EXPECT_TRUE(write());
  EXPECT_EQ(count(**database), 1);
}

TEST(Database, SeesWhatAnotherConnectionChanged) {
  const TempFolder folder;
  auto serving = Database::open(folder.file("x.db"), schema());
  auto command_line = Database::open(folder.file("x.db"), schema());
  ASSERT_TRUE(serving && command_line);
  auto seen = make_key_store(**serving);
  const auto before = seen->version();
  ASSERT_TRUE(before);
  ASSERT_TRUE(make_key_store(**command_line)->add(testing::some_key("aaaaaaaaaaaa")));
  EXPECT_GT(*seen->version(), *before);
  EXPECT_EQ(seen->list()->size(), 1U);
}

TEST(DataFolderLock, KeepsASecondGatewayOut) {
  const TempFolder folder;
  const std::string data = folder.file("a/b/data/");
  auto lock = DataFolderLock::take(data);
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(mode_of(folder.file("a/b/data")), 0700U);
  const auto second = DataFolderLock::take(data);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Conflict);
  lock->reset();
  EXPECT_TRUE(DataFolderLock::take(data));
}

TEST(DataFolderLock, NamesTheFolderItCannotUse) {
  const auto lock = DataFolderLock::take("/proc/headgate-cannot-be-here");
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().message.find("/proc/headgate-cannot-be-here"), std::string::npos);
}

}  // namespace
}  // namespace headgate::stores::sqlite
