#include "stores/sqlite/backup.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "stores/sqlite/faulty_disk_testing.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/identity_stores.h"
#include "testing/temp_folder.h"

namespace headgate::stores::sqlite {
namespace {

using testing::TempFolder;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t files_in(const std::string& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

void add_key(Database& database, const std::string& id) {
  ASSERT_TRUE(make_key_store(database)->add(testing::some_key(id)));
}

std::size_t keys_in(const std::string& path) {
  auto database = Database::open(path, schema());
  EXPECT_TRUE(database) << database.error().message;
  return database ? make_key_store(**database)->list()->size() : 0;
}

class Backup : public ::testing::Test {
 protected:
  TempFolder folder_;
  TempFolder copies_;
  const std::string path_ = folder_.file("headgate.db");
  const std::string copy_ = copies_.file("copy.db");
  std::unique_ptr<Database> database_ = Database::open(path_, schema()).value();

  Result<Copied> put_back() { return restore(copy_, path_, schema().size(), "now"); }
};

TEST_F(Backup, HasWhatWasCommittedAndNothingElseBesideIt) {
  add_key(*database_, "aaaaaaaaaaaa");
  const auto copied = backup(path_, copy_);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->bytes, std::filesystem::file_size(copy_));
  EXPECT_EQ(copied->jobs, 0U);
  struct stat status{};
  ASSERT_EQ(::stat(copy_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(files_in(copies_.path()), 1U);
  add_key(*database_, "bbbbbbbbbbbb");
  EXPECT_EQ(keys_in(copy_), 1U);
}

TEST_F(Backup, NeverOverwritesAFileAndLeavesNoHalfOne) {
  std::ofstream(copy_) << "precious";
  EXPECT_FALSE(backup(path_, copy_));
  EXPECT_EQ(read_file(copy_), "precious");
  EXPECT_FALSE(backup(folder_.file("none.db"), copies_.file("other.db")));
  std::ofstream(folder_.file("foreign.db")) << std::string(5000, 'x');
  EXPECT_FALSE(backup(folder_.file("foreign.db"), copies_.file("other.db")));
  EXPECT_FALSE(backup(path_, copies_.file("no/such/folder.db")));
  EXPECT_EQ(files_in(copies_.path()), 1U);
}

TEST_F(Backup, IsRestoredAndKeepsWhatWasThere) {
  add_key(*database_, "aaaaaaaaaaaa");
  ASSERT_TRUE(backup(path_, copy_));
  add_key(*database_, "bbbbbbbbbbbb");
  // As a crash leaves it: the last key is in the log only.
  const std::string file = read_file(path_);
  const std::string log = read_file(path_ + "-wal");
  database_.reset();
  std::ofstream(path_, std::ios::binary) << file;
  std::ofstream(path_ + "-wal", std::ios::binary) << log;

  const auto restored = put_back();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_EQ(keys_in(path_), 1U);
  EXPECT_EQ(restored->replaced, path_ + ".before-restore-now");
  EXPECT_EQ(keys_in(restored->replaced), 2U) << "with its log";
  EXPECT_EQ(read_file(copy_).empty(), false);
}

TEST_F(Backup, IsRestoredIntoAnEmptyFolder) {
  add_key(*database_, "aaaaaaaaaaaa");
  ASSERT_TRUE(backup(path_, copy_));
  const TempFolder other;
  const auto restored = restore(copy_, other.file("headgate.db"), schema().size(), "now");
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->replaced, "");
  EXPECT_EQ(keys_in(other.file("headgate.db")), 1U);
}

TEST_F(Backup, IsNotRestoredIfItIsDamagedNewerOrForeign) {
  for (int i = 0; i < 50; ++i) {
    add_key(*database_, "key-" + std::to_string(100'000'000 + i));
  }
  ASSERT_TRUE(backup(path_, copy_));
  database_.reset();
  const std::string before = read_file(path_);
  const std::string good = read_file(copy_);

  EXPECT_FALSE(restore(copy_, path_, schema().size() - 1, "now"));
  std::string bad = good;
  bad.replace(4096, 4096, 4096, '\0');
  for (const std::string& bytes :
       {bad, std::string("no database"), std::string(), good.substr(0, good.size() / 2)}) {
    std::ofstream(copy_, std::ios::binary) << bytes;
    const auto refused = put_back();
    ASSERT_FALSE(refused) << bytes.size();
    EXPECT_NE(refused.error().message.find(copy_), std::string::npos) << refused.error().message;
  }
  EXPECT_FALSE(restore(copies_.file("none"), path_, schema().size(), "now"));
  EXPECT_EQ(read_file(path_), before);
  EXPECT_EQ(files_in(folder_.path()), 1U);
}

TEST_F(Backup, ARestoreThatWasCutShortIsNoticedAtStart) {
  ASSERT_TRUE(backup(path_, copy_));
  database_.reset();
  std::filesystem::rename(path_, path_ + ".restoring");
  const auto refused = Database::open(path_, schema());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cut short"), std::string::npos);
  EXPECT_TRUE(put_back());
  EXPECT_TRUE(Database::open(path_, schema()));
}

TEST_F(Backup, FailsOnAFullDiskAndLeavesNothing) {
  database_.reset();
  FaultyDisk disk;
  for (const int nth : {1, 2, 5}) {
    disk.fail(FaultyDisk::Operation::Write, nth, FaultyDisk::Fault::Full,
              FaultyDisk::Lasting::UntilRepaired);
    EXPECT_FALSE(backup(path_, copy_)) << nth;
    EXPECT_EQ(files_in(copies_.path()), 0U);
  }
  disk.repair();
  EXPECT_TRUE(backup(path_, copy_));
}

}  // namespace
}  // namespace headgate::stores::sqlite
