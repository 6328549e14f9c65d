// What the operating system may do to the store's files: calls that are interrupted, a file system
// that becomes read-only, an fsync that takes its time. Beneath SQLite's own unix layer, whose
// handling of them is part of what is tested.
#include <atomic>
#include <cerrno>
#include <optional>
#include <semaphore>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/event_loop_run.h"
#include "testing/sqlite_jobs.h"

namespace headgate::stores::sqlite {
namespace {

/// How the system behaves; the functions below ask it. SQLite's calls cannot carry a context.
struct System {
  std::atomic<int> interruptions{0};  ///< of so many calls to come
  std::atomic<int> interruptions_of_syncs{0};
  std::atomic<int> interrupted{0};
  std::atomic<bool> read_only{false};
  std::atomic<int> refused{0};
  std::atomic<bool> slow{false};  ///< syncs wait for `go_on`
  std::counting_semaphore<> syncing{0};
  std::counting_semaphore<> go_on{0};
};
System* system_now = nullptr;

bool is_interrupted() {
  if (system_now == nullptr || system_now->interruptions.fetch_sub(1) <= 0) {
    return false;
  }
  ++system_now->interrupted;
  errno = EINTR;
  return true;
}

bool is_refused() {
  if (system_now == nullptr || !system_now->read_only) {
    return false;
  }
  ++system_now->refused;
  errno = EROFS;
  return true;
}

ssize_t read_at(int fd, void* into, std::size_t size, off_t offset) {
  return is_interrupted() ? -1 : ::pread(fd, into, size, offset);
}

ssize_t write_at(int fd, const void* bytes, std::size_t size, off_t offset) {
  return is_interrupted() || is_refused() ? -1 : ::pwrite(fd, bytes, size, offset);
}

int truncate(int fd, off_t size) {
  return is_interrupted() || is_refused() ? -1 : ::ftruncate(fd, size);
}

int open_file(const char* path, int flags, int mode) {
  if ((flags & O_ACCMODE) != O_RDONLY && is_refused()) {
    return -1;
  }
  return ::open(path, flags, mode);
}

/// SQLite calls these instead of the system's while this lives.
class Calls final {
 public:
  explicit Calls(System& system) {
    system_now = &system;
    set("pread", reinterpret_cast<sqlite3_syscall_ptr>(read_at));
    set("pread64", reinterpret_cast<sqlite3_syscall_ptr>(read_at));
    set("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(write_at));
    set("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(write_at));
    set("ftruncate", reinterpret_cast<sqlite3_syscall_ptr>(truncate));
    set("open", reinterpret_cast<sqlite3_syscall_ptr>(open_file));
  }
  ~Calls() {
    vfs_->xSetSystemCall(vfs_, nullptr, nullptr);  // all as they were
    system_now = nullptr;
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

 private:
  void set(const char* name, sqlite3_syscall_ptr call) {
    EXPECT_EQ(vfs_->xSetSystemCall(vfs_, name, call), SQLITE_OK) << name;
  }
  sqlite3_vfs* const vfs_ = sqlite3_vfs_find("unix");
};

class SystemFaults : public ::testing::Test {
 protected:
  NewJob job(model::JobSeq seq) {
    NewJob made;
    made.id = {.seq = seq, .tail = 77};
    made.request.path = "/v1/chat/completions";
    made.request.body.assign(40'000, 'x');
    made.request.model = "m";
    made.request.principal.id = "key:a";
    made.request.max_attempts = 3;
    made.created_at = 1000;
    return made;
  }
  Result<Submitted> submit(model::JobSeq seq) {
    return testing::run(stores_.jobs->submit(job(seq)));
  }
  std::size_t jobs_on_disk() { return testing::run(stores_.jobs->list({.limit = 1000}))->size(); }
  testing::SqliteJobs& engine() { return *static_cast<testing::SqliteJobs*>(stores_.engine.get()); }

  System system_;
  testing::JobStores stores_ = testing::make_sqlite_jobs();
  const Calls calls_{system_};
};

TEST_F(SystemFaults, InterruptedReadsAndWritesAreMadeAgain) {
  for (model::JobSeq seq = 1; seq <= 20; ++seq) {
    system_.interruptions = static_cast<int>(seq);
    const auto done = submit(seq);
    ASSERT_TRUE(done) << done.error().detail;
    ASSERT_LE(system_.interruptions, 0) << "all came";
    const auto loaded = testing::run(stores_.jobs->load(seq));
    ASSERT_TRUE(loaded) << loaded.error().detail;
    ASSERT_EQ(loaded->request.body.size(), 40'000U);
  }
  EXPECT_GE(system_.interrupted, 210);
  EXPECT_EQ(jobs_on_disk(), 20U);
}

TEST_F(SystemFaults, AReadOnlyRemountRefusesJobsKeepsTheOldAndEndsWhenItIsWritable) {
  ASSERT_TRUE(submit(1));
  const auto end = [this](std::int64_t fence) {
    return testing::run(stores_.jobs->finish(1, fence,
                                             {.state = model::JobState::Succeeded,
                                              .attempts = {},
                                              .completed_at = 2000,
                                              .result = "{}",
                                              .error_json = {},
                                              .input_tokens = 1,
                                              .output_tokens = 1,
                                              .cost = 0}));
  };
  const auto fence = testing::run(stores_.jobs->begin_attempt(
      1, 0, {{.n = 1, .provider = "local", .target = "t", .started_at = 1000}}));
  ASSERT_TRUE(fence);
  system_.read_only = true;
  for (int tries = 0; tries < 3; ++tries) {
    const auto refused = submit(2);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::Overloaded) << refused.error().detail;
    EXPECT_EQ(refused.error().code, "store_unavailable");
    EXPECT_FALSE(engine().database->check_writable()) << "/health says so";
    EXPECT_EQ(jobs_on_disk(), 1U) << "readers see what was acknowledged";
    const auto ended = end(*fence);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().kind, ErrorKind::Overloaded) << "to be tried again";
  }
  EXPECT_GT(system_.refused, 0);
  system_.read_only = false;
  const auto writable = engine().database->check_writable();
  EXPECT_TRUE(writable) << writable.error().detail;
  EXPECT_TRUE(submit(2));
  EXPECT_TRUE(end(*fence));
  EXPECT_EQ(testing::run(stores_.jobs->find(1))->state, model::JobState::Succeeded);
  EXPECT_EQ(jobs_on_disk(), 2U);
}

TEST_F(SystemFaults, AnInterruptedSyncAcknowledgesNothingAndTheNextTryWorks) {
  ASSERT_TRUE(submit(1));
  system_.interruptions_of_syncs = 1;
  const auto refused = submit(2);
  ASSERT_FALSE(refused) << "what was to be synced may not be on the disk";
  EXPECT_EQ(refused.error().code, "store_unavailable");
  EXPECT_EQ(system_.interrupted, 1);
  EXPECT_EQ(jobs_on_disk(), 1U);
  EXPECT_TRUE(submit(2));
  EXPECT_EQ(jobs_on_disk(), 2U);
}

TEST_F(SystemFaults, NothingIsAcknowledgedBeforeItsSyncIsDoneAndTheLoopGoesOn) {
  system_.slow = true;
  EventLoop loop;
  std::optional<Result<Submitted>> submitted;
  const auto keep = [](Task<Result<Submitted>> task,
                       std::optional<Result<Submitted>>& into) -> Task<void> {
    into.emplace(co_await std::move(task));
  };
  const auto tick = []() -> Task<void> { co_await sleep_for(std::chrono::milliseconds(1)); };
  loop.spawn(keep(stores_.jobs->submit(job(1)), submitted));
  loop.run_until_done(tick());
  while (!system_.syncing.try_acquire()) {
    loop.run_until_done(tick());
  }
  for (int i = 0; i < 50; ++i) {
    loop.run_until_done(tick());
    ASSERT_FALSE(submitted) << "the fsync is still under way";
  }
  EXPECT_EQ(jobs_on_disk(), 0U) << "readers do not wait for it";
  system_.slow = false;
  system_.go_on.release();
  while (!submitted) {
    loop.run_until_done(tick());
  }
  EXPECT_TRUE(*submitted);
  EXPECT_EQ(jobs_on_disk(), 1U);
}

}  // namespace

/// For fdatasync() below.
static int sync_as_told(int fd) {
  if (system_now != nullptr) {
    if (system_now->interruptions_of_syncs.fetch_sub(1) > 0) {
      ++system_now->interrupted;
      errno = EINTR;
      return -1;
    }
    if (system_now->slow) {
      system_now->syncing.release();
      system_now->go_on.acquire();
    }
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

}  // namespace headgate::stores::sqlite

// SQLite's table of system calls has no fdatasync: the program's own comes before libc's.
extern "C" int fdatasync(int fd) { return headgate::stores::sqlite::sync_as_told(fd); }
