// A script of changes to jobs, disturbed at every single operation of the disk. Without faults each
// step of the script takes the whole content of the database to a known text; with a fault the
// content must be that of before or after the step, nothing else, and the script goes on.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "stores/sqlite/faulty_disk_testing.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/job_stores.h"
#include "testing/temp_folder.h"

namespace headgate::stores::sqlite {
namespace {

using model::JobState;
using testing::run;
using testing::TempFolder;
using Operation = FaultyDisk::Operation;
using Fault = FaultyDisk::Fault;

/// A new database, made once: making one takes longer than all that is done with it here.
const std::string& new_database() {
  static const std::string bytes = [] {
    const TempFolder folder;
    EXPECT_TRUE(Database::open(folder.file("new.db"), schema()));
    std::ifstream file(folder.file("new.db"), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return bytes;
}

/// Everything in a database, as text, and "ok" if it is sound.
std::string content_of(const std::string& path) {
  sqlite3* connection = nullptr;
  sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr);
  std::string text;
  const auto add = [](void* kept, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i) {
      static_cast<std::string*>(kept)->append(values[i] == nullptr ? "-" : values[i]).append("|");
    }
    static_cast<std::string*>(kept)->append("\n");
    return 0;
  };
  constexpr const char* kRequests =
      "SELECT seq, path, content_type, principal, hex(body), hex(body_hash) FROM job_requests"
      " ORDER BY seq";
  for (const char* sql :
       {"PRAGMA integrity_check", "SELECT * FROM jobs ORDER BY seq", kRequests,
        "SELECT * FROM job_results ORDER BY seq", "SELECT * FROM job_events ORDER BY seq, n",
        "SELECT * FROM job_counts ORDER BY model, state",
        "SELECT hex(hash), holders, length(data) FROM blobs ORDER BY hash",
        "SELECT hex(scope), hex(body), job, expires_at FROM idempotency ORDER BY scope",
        "SELECT * FROM usage ORDER BY day, principal, model",
        "SELECT * FROM usage_reservations ORDER BY id"}) {
    if (sqlite3_exec(connection, sql, add, &text, nullptr) != SQLITE_OK) {
      text.append(sqlite3_errmsg(connection));
    }
  }
  sqlite3_close(connection);
  return text;
}

/// The stores over one file, as in the gateway.
struct Stores {
  BlockingPool pool{"pool", 1, 16};
  std::unique_ptr<Database> database;
  std::unique_ptr<Readers> readers;
  std::optional<Writer> writer;
  std::unique_ptr<JobStore> jobs;
  std::unique_ptr<EventLog> events;
  std::unique_ptr<UsageStore> usage;

  /// What stands in the way of opening; nothing if it is open.
  std::optional<Error> open(const std::string& path) {
    auto opened = Database::open(path, schema());
    if (!opened) {
      return opened.error();
    }
    database = std::move(*opened);
    auto read = Readers::open(path, 1);
    if (!read) {
      return read.error();
    }
    readers = std::move(*read);
    writer.emplace(*database);
    const Engine engine{database.get(), &*writer, readers.get(), &pool};
    jobs = make_job_store(engine);
    events = make_event_log(engine);
    usage = make_usage_store(engine);
    return std::nullopt;
  }
};

std::vector<model::JobAttempt> attempts(std::uint32_t count) {
  std::vector<model::JobAttempt> made;
  for (std::uint32_t n = 1; n <= count; ++n) {
    made.push_back({.n = n, .provider = "local", .target = "t", .started_at = 1000 + n});
  }
  return made;
}

Result<void> submit(JobStore& jobs, model::JobSeq seq, std::size_t body_size = 20) {
  NewJob job;
  job.id = {.seq = seq, .tail = 77};
  job.request.path = "/v1/chat/completions";
  job.request.body.assign(body_size, 'x');
  job.request.kind = "chat";
  job.request.model = "m";
  job.request.principal.id = "key:a";
  job.request.max_attempts = 3;
  job.created_at = 1000;
  if (seq == 3) {
    job.idempotency = {.scope = sha256("scope"), .body = sha256("body"), .expires_at = 9999};
  }
  auto done = run(jobs.submit(std::move(job)));
  return done ? Result<void>() : fail(done.error());
}

template <class T>
Result<void> outcome(const Result<T>& result) {
  return result ? Result<void>() : fail(result.error());
}

UsageRecord usage(std::int64_t micro_usd) {
  return {.day = 20'000,
          .principal = "key:a",
          .model = "m",
          .requests = 1,
          .input_tokens = 3,
          .output_tokens = 4,
          .micro_usd = micro_usd};
}

/// What was reserved for a job, and what was used besides.
UsageBatch usage_of(model::JobSeq seq) {
  return {.settlements = {{.id = "call-" + std::to_string(seq), .used = usage(500'000)}},
          .records = {usage(7)}};
}

Result<void> reserve(UsageStore& store, model::JobSeq seq) {
  return run(
      store.open_reservation({.id = "call-" + std::to_string(seq), .estimate = usage(900'000)}));
}

Result<void> finish(JobStore& jobs, model::JobSeq seq, std::int64_t fence, JobState state) {
  return run(jobs.finish(seq, fence,
                         {.state = state,
                          .attempts = attempts(1),
                          .completed_at = 2000 + seq,
                          .result = state == JobState::Succeeded ? R"({"ok":true})" : "",
                          .error_json = {},
                          .input_tokens = 3,
                          .output_tokens = 4,
                          .cost = 0.5,
                          .usage = usage_of(seq)}));
}

JobReturn left(std::vector<model::JobAttempt> attempts) {
  return {.attempts = std::move(attempts),
          .not_before = 7000,
          .now = 1500,
          .input_tokens = 1,
          .output_tokens = 2,
          .cost = 0.25};
}

using Step = std::function<Result<void>(Stores&)>;

Result<void> checkpoint(Stores& engine) {
  return engine.database->with([](Database::Session& session) -> Result<void> {
    auto statement = session.prepare("PRAGMA wal_checkpoint(FULL)");
    return statement ? outcome(statement->step()) : fail(statement.error());
  });
}

/// Fences begin at 0 and grow by one with each attempt.
const std::vector<Step>& script() {
  static const std::vector<Step> steps = {
      [](Stores& on) { return submit(*on.jobs, 1); },
      [](Stores& on) { return submit(*on.jobs, 2, 40'000); },
      [](Stores& on) { return submit(*on.jobs, 3); },
      [](Stores& on) { return outcome(run(on.jobs->begin_attempt(1, 0, attempts(1)))); },
      [](Stores& on) { return outcome(run(on.events->append(1, 1, {R"("a")", R"("b")"}))); },
      [](Stores& on) { return run(on.jobs->put_back(1, 1, left(attempts(1)))); },
      checkpoint,
      [](Stores& on) { return reserve(*on.usage, 1); },
      [](Stores& on) { return outcome(run(on.jobs->begin_attempt(1, 1, attempts(2)))); },
      [](Stores& on) { return finish(*on.jobs, 1, 2, JobState::Succeeded); },
      [](Stores& on) {
        return outcome(run(on.jobs->cancel(model::JobId{.seq = 2, .tail = 77}.text(), "", 1700)));
      },
      [](Stores& on) { return outcome(run(on.jobs->begin_attempt(3, 0, attempts(3)))); },
      checkpoint,
      [](Stores& on) { return submit(*on.jobs, 4); },
      [](Stores& on) { return outcome(run(on.jobs->begin_attempt(4, 0, attempts(1)))); },
      [](Stores& on) { return outcome(run(on.jobs->forget("m", 2000, 10))); },
      [](Stores& on) { return submit(*on.jobs, 5, 40'000); },
  };
  return steps;
}

/// The content before the first step, and after each.
struct Golden {
  std::vector<std::string> after;
  std::vector<std::string> recovered;  ///< of after[i], by recover()
  int operations = 0;
  int writes = 0;
  int syncs = 0;
};

/// One run of the script on a faulty disk.
class Trial final {
 public:
  Trial() {
    std::ofstream(path_, std::ios::binary) << new_database();
    ::chmod(path_.c_str(), 0600);
    engine_.emplace();
    EXPECT_FALSE(engine_->open(path_));
  }
  FaultyDisk& disk() { return disk_; }
  const std::string& path() const { return path_; }
  Stores& engine() { return *engine_; }
  std::string content() const { return content_of(path_); }
  void close() { engine_.reset(); }
  [[nodiscard]] bool open() {
    engine_.reset();
    engine_.emplace();
    const auto problem = engine_->open(path_);
    EXPECT_FALSE(problem) << problem->message;
    return !problem;
  }
  [[nodiscard]] bool start_after_power_loss(unsigned seed) {
    close();
    disk_.restore_power(seed);
    return open();
  }

 private:
  const TempFolder folder_;
  const std::string path_ = folder_.file("jobs.db");
  FaultyDisk disk_;
  std::optional<Stores> engine_;
};

const Golden& golden() {
  static const Golden once = [] {
    Golden made;
    {
      Trial quiet;
      const int before = quiet.disk().count(Operation::Any);
      const int writes = quiet.disk().count(Operation::Write);
      const int syncs = quiet.disk().count(Operation::Sync);
      made.after.push_back(quiet.content());
      for (const Step& step : script()) {
        EXPECT_TRUE(step(quiet.engine()));
        made.after.push_back(quiet.content());
      }
      made.operations = quiet.disk().count(Operation::Any) - before;
      made.writes = quiet.disk().count(Operation::Write) - writes;
      made.syncs = quiet.disk().count(Operation::Sync) - syncs;
    }
    for (std::size_t i = 0; i < made.after.size(); ++i) {
      Trial quiet;
      for (std::size_t s = 0; s < i; ++s) {
        EXPECT_TRUE(script()[s](quiet.engine()));
      }
      EXPECT_TRUE(quiet.engine().jobs->recover(5000));
      made.recovered.push_back(quiet.content());
    }
    return made;
  }();
  return once;
}

/// Does the script with one fault set. After a step that fails, the next try must work.
void survive(Trial& site) {
  for (std::size_t i = 0; i < script().size(); ++i) {
    const Step& step = script()[i];
    const auto done = step(site.engine());
    if (done) {
      continue;
    }
    ASSERT_TRUE(is_store_failure(done.error())) << done.error().message << done.error().detail;
    ASSERT_EQ(done.error().kind, ErrorKind::Overloaded);
    ASSERT_EQ(site.content(), golden().after[i]) << "step " << i << " failed and yet happened";
    const auto again = step(site.engine());
    ASSERT_TRUE(again) << "step " << i << ": " << again.error().detail;
  }
  ASSERT_EQ(site.content(), golden().after.back());
}

struct StoreFaults : ::testing::Test {
  /// Made on a sound disk, before any test breaks it.
  static void SetUpTestSuite() { golden(); }
};

TEST_F(StoreFaults, TheScriptIsLongEnough) {
  ASSERT_EQ(golden().after.size(), script().size() + 1);
  EXPECT_GT(golden().writes, 100);
  EXPECT_GT(golden().syncs, 15);
  for (const std::string& content : golden().after) {
    EXPECT_TRUE(content.starts_with("ok|\n")) << content;
  }
  EXPECT_NE(golden().recovered.back(), golden().after.back());
}

TEST_F(StoreFaults, AnyWriteMayFail) {
  for (int n = 1; n <= golden().writes; ++n) {
    SCOPED_TRACE("write " + std::to_string(n));
    Trial site;
    site.disk().fail(Operation::Write, n, static_cast<Fault>(n % 3));
    survive(site);
    ASSERT_TRUE(site.disk().has_failed());
    if (HasFatalFailure()) {
      return;
    }
  }
}

TEST_F(StoreFaults, AnySyncMayFailAndForgetWhatItWasToKeep) {
  for (int n = 1; n <= golden().syncs; ++n) {
    SCOPED_TRACE("sync " + std::to_string(n));
    Trial site;
    site.disk().fail(Operation::Sync, n, Fault::IoError);
    survive(site);
    ASSERT_TRUE(site.disk().has_failed());
    if (HasFatalFailure()) {
      return;
    }
    // What was acknowledged after the failure must be on the disk, not only in its cache.
    site.disk().lose_power();
    ASSERT_TRUE(site.start_after_power_loss(static_cast<unsigned>(n)));
    ASSERT_EQ(site.content(), golden().after.back());
  }
}

TEST_F(StoreFaults, AFullDiskRefusesChangesUntilThereIsSpace) {
  for (std::size_t full_before = 0; full_before < script().size(); ++full_before) {
    SCOPED_TRACE("step " + std::to_string(full_before));
    Trial site;
    for (std::size_t i = 0; i < script().size(); ++i) {
      if (i == full_before) {
        site.disk().fail(Operation::Write, 1, Fault::Short, FaultyDisk::Lasting::UntilRepaired);
        for (int tries = 0; tries < 3; ++tries) {
          const auto refused = script()[i](site.engine());
          ASSERT_TRUE(refused || is_store_failure(refused.error())) << refused.error().detail;
          ASSERT_EQ(site.content(), golden().after[i]);
          if (golden().after[i] != golden().after[i + 1]) {
            ASSERT_FALSE(site.engine().database->check_writable());
          }
        }
        site.disk().repair();
        ASSERT_TRUE(site.engine().database->check_writable());
      }
      const auto done = script()[i](site.engine());
      ASSERT_TRUE(done) << done.error().detail;
    }
    ASSERT_EQ(site.content(), golden().after.back());
  }
}

/// Runs the script until the power goes, and starts again: the number of steps that are on disk.
std::optional<std::size_t> lose_power_at(Trial& site, Operation operation, int nth, unsigned seed) {
  site.disk().fail(operation, nth, Fault::PowerLoss);
  std::size_t acknowledged = 0;
  while (acknowledged < script().size() && script()[acknowledged](site.engine())) {
    ++acknowledged;
  }
  if (!site.start_after_power_loss(seed)) {
    return std::nullopt;
  }
  const std::string now = site.content();
  if (now == golden().after[acknowledged]) {
    return acknowledged;
  }
  if (acknowledged < script().size() && now == golden().after[acknowledged + 1]) {
    return acknowledged + 1;
  }
  ADD_FAILURE() << acknowledged << " steps were acknowledged; the disk holds\n"
                << now << "and not\n"
                << golden().after[acknowledged];
  return std::nullopt;
}

void survive_power_loss(Operation operation, int n) {
  SCOPED_TRACE("operation " + std::to_string(n));
  Trial site;
  const auto reached = lose_power_at(site, operation, n, static_cast<unsigned>(n));
  ASSERT_TRUE(reached);
  ASSERT_TRUE(site.engine().jobs->recover(5000));
  ASSERT_EQ(site.content(), golden().recovered[*reached]);
  const auto again = site.engine().jobs->recover(6000);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->requeued + again->failed, 0U);
}

// Frames are written in two parts, so every second operation cuts each of them once.
TEST_F(StoreFaults, PowerMayFailAtAnyOperation) {
  for (int n = 1; n <= golden().operations && !HasFatalFailure(); n += 2) {
    survive_power_loss(Operation::Any, n);
  }
}

TEST_F(StoreFaults, PowerMayFailInAnySync) {
  for (int n = 1; n <= golden().syncs && !HasFatalFailure(); ++n) {
    survive_power_loss(Operation::Sync, n);
  }
}

TEST_F(StoreFaults, PowerMayFailAtAnyOperationOfRecovery) {
  int n = 0;
  for (bool struck = true; struck;) {
    SCOPED_TRACE("operation " + std::to_string(++n));
    Trial site;
    for (const Step& step : script()) {
      ASSERT_TRUE(step(site.engine()));
    }
    for (unsigned crash = 0; crash < 3; ++crash) {
      site.disk().fail(Operation::Any, n, Fault::PowerLoss);
      const bool recovered = site.engine().jobs->recover(5000).has_value();
      struck = site.disk().has_failed();
      site.disk().lose_power();
      ASSERT_TRUE(site.start_after_power_loss(static_cast<unsigned>(n) + crash));
      const std::string now = site.content();
      ASSERT_TRUE(now == golden().recovered.back() || (!recovered && now == golden().after.back()))
          << now;
    }
    ASSERT_TRUE(site.engine().jobs->recover(5000));
    ASSERT_EQ(site.content(), golden().recovered.back());
  }
  EXPECT_GT(n, 5);
}

// What any fault leaves of an end, the tests above compare with the content before and after it.
TEST_F(StoreFaults, AnEndAndWhatItUsedAreOneStep) {
  const auto end = std::ranges::find_if(golden().after, [](const std::string& content) {
    return content.find("|500007|") != std::string::npos;
  });
  ASSERT_NE(end, golden().after.end());
  ASSERT_NE(end, golden().after.begin());
  EXPECT_NE(end->find(R"(|{"ok":true}|)"), std::string::npos);
  EXPECT_EQ(end->find("call-1"), std::string::npos) << "the reservation is settled";
  const std::string& before = *std::prev(end);
  EXPECT_EQ(before.find(R"(|{"ok":true}|)"), std::string::npos);
  EXPECT_NE(before.find("call-1"), std::string::npos);
}

TEST_F(StoreFaults, AnEndThatIsRefusedWritesNoUsage) {
  Trial site;
  ASSERT_TRUE(submit(*site.engine().jobs, 1));
  ASSERT_TRUE(reserve(*site.engine().usage, 1));
  ASSERT_TRUE(run(site.engine().jobs->begin_attempt(1, 0, attempts(1))));
  ASSERT_TRUE(run(site.engine().jobs->begin_attempt(1, 1, attempts(2))));
  const std::string before = site.content();
  const auto late = finish(*site.engine().jobs, 1, 1, JobState::Succeeded);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::Conflict);
  EXPECT_EQ(site.content(), before);
  EXPECT_TRUE(finish(*site.engine().jobs, 1, 2, JobState::Succeeded));
  const std::string after = site.content();
  EXPECT_NE(after.find("|500007|"), std::string::npos);
  EXPECT_FALSE(finish(*site.engine().jobs, 1, 2, JobState::Succeeded));
  EXPECT_EQ(site.content(), after) << "a job ends, and pays, once";
}

TEST_F(StoreFaults, AChangeThatFailsHalfwayLeavesNothing) {
  Trial site;
  ASSERT_TRUE(submit(*site.engine().jobs, 1));
  const std::string before = site.content();
  const auto half = run(site.engine().writer->run([](Database::Session& session) -> Result<void> {
    auto remove = session.prepare("DELETE FROM job_requests");
    EXPECT_TRUE(remove && remove->run());
    return fail(internal_error("a bug"));
  }));
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().kind, ErrorKind::Internal) << "the disk is well";
  EXPECT_NE(half.error().detail.find("a bug"), std::string::npos) << half.error().detail;
  EXPECT_EQ(site.content(), before);
  EXPECT_TRUE(submit(*site.engine().jobs, 2));
}

}  // namespace
}  // namespace headgate::stores::sqlite
