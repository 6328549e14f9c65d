// How the job system stops, whatever its jobs do.
#include "app/job_system.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop_run.h"
#include "base/signal.h"
#include "stores/sqlite/schema.h"
#include "testing/admits_all.h"
#include "testing/temp_folder.h"

namespace headgate::app {
namespace {

using namespace std::chrono_literals;

enum class Manners : std::uint8_t {
  HeedsItsCancel,
  Deaf,        ///< its coroutine does not return
  HoldsThread  ///< the thread does not return from it
};

/// Begins an attempt, then waits until it is released.
class Waits final : public api::Endpoint {
 public:
  explicit Waits(Manners manners) : manners_(manners) {}
  Task<Result<edge::Response>> handle(api::Call call) const override {
    auto begun_attempt = co_await call.context.ledger->begin("local", "t");
    EXPECT_TRUE(begun_attempt);
    const OnCancel hook(call.context.cancel, [this] {
      if (manners_ == Manners::HeedsItsCancel) {
        release.notify();
      }
    });
    begun.set_value();
    if (manners_ == Manners::HoldsThread) {
      thread_release.get_future().wait();
    } else {
      co_await release.wait();
    }
    if (call.context.cancel.cancelled()) {
      co_return fail(client_left());
    }
    edge::Response response;
    response.body = R"({"ok":true})";
    co_return response;
  }

  mutable std::promise<void> begun;
  mutable Signal release;
  mutable std::promise<void> thread_release;

 private:
  const Manners manners_;
};

/// A job system on one loop, with one job that has begun.
struct JobSystemTest : ::testing::Test {
  ~JobSystemTest() override { end(); }

  void begin(Manners manners) {
    endpoint = std::make_unique<Waits>(manners);
    route.method = edge::Method::Post;
    route.pattern = "/v1/chat/completions";
    route.kind = "chat";
    route.endpoint = endpoint.get();
    auto opened = JobSystem::open({.database = database.get(),
                                   .path = path,
                                   .pool = &pool,
                                   .lines = &lines,
                                   .fetchers = &fetchers,
                                   .clock = &clock,
                                   .loops = {&loop},
                                   .settings = [this] { return settings; },
                                   .patience = patience});
    ASSERT_TRUE(opened) << opened.error().message;
    jobs = std::move(*opened);
    ASSERT_TRUE(jobs->start(std::span(&route, 1), admission));
    thread = std::thread([this] { loop.run(); });
    std::promise<Result<queue::JobQueue::Accepted>> accepted;
    model::JobRequest request;
    request.path = "/v1/chat/completions";
    request.model = "m";
    request.principal.id = "key:a";
    const auto submit = [](queue::JobQueue& queue, model::JobRequest wanted,
                           std::promise<Result<queue::JobQueue::Accepted>>& into) -> Task<void> {
      into.set_value(co_await queue.submit(std::move(wanted), std::nullopt));
    };
    loop.post([&] { loop.spawn(submit(*jobs->desk().queue, std::move(request), accepted)); });
    const auto result = accepted.get_future().get();
    ASSERT_TRUE(result) << result.error().message;
    job = result->job.seq;
    endpoint->begun.get_future().wait();
  }
  /// Whatever is left ends before its parts do.
  void end() {
    if (!thread.joinable()) {
      return;
    }
    endpoint->thread_release.set_value();
    loop.post([this] { endpoint->release.notify(); });
    while (!jobs->desk().queue->at_rest()) {
      std::this_thread::yield();
    }
    loop.stop();
    thread.join();
  }
  /// As the next start finds the job.
  model::Job on_disk() {
    end();
    return run_on(loop, jobs->desk().queue->store().find(job)).value();
  }

  JobSystem::Parts::Patience patience{.put_back = 30s, .webhooks = 30s, .webhooks_end = 30s};
  testing::TempFolder folder;
  std::string path = folder.file("gateway.db");
  SystemClock clock;
  std::shared_ptr<const config::Settings> settings = [this] {
    config::Settings made;
    made.data_dir = folder.path();
    return std::make_shared<const config::Settings>(std::move(made));
  }();
  std::unique_ptr<stores::sqlite::Database> database =
      stores::sqlite::Database::open(path, stores::sqlite::schema()).value();
  EventLoop loop;
  BlockingPool pool{"pool", 1, 16};
  upstream::Resolver resolver{pool, clock};
  upstream::Client client{loop, resolver, {}};
  api::DocumentSources::Fetchers fetchers{
      1, [this](std::size_t) { return upstream::Fetcher(client, resolver); }};
  queue::Lines lines{[](std::string_view) { return queue::LineSettings{}; }};
  testing::AdmitsAll admission;
  std::unique_ptr<Waits> endpoint;
  api::Route route{};
  std::unique_ptr<JobSystem> jobs;
  std::thread thread;
  model::JobSeq job = 0;
};

TEST_F(JobSystemTest, StopsWhenItsJobsHeedThat) {
  begin(Manners::HeedsItsCancel);
  jobs->begin_stop();
  EXPECT_TRUE(jobs->stop(std::chrono::steady_clock::now())) << "nothing of it is under way";
  EXPECT_EQ(on_disk().state, model::JobState::Queued) << "put back for the next start";
}

TEST_F(JobSystemTest, DoesNotWaitForAJobThatNeverReturns) {
  patience = {.put_back = 20ms, .webhooks = 10ms, .webhooks_end = 10ms};
  begin(Manners::Deaf);
  jobs->begin_stop();
  EXPECT_FALSE(jobs->stop(std::chrono::steady_clock::now())) << "its parts may not be destroyed";
  EXPECT_FALSE(jobs->desk().queue->at_rest());
}

TEST_F(JobSystemTest, DoesNotWaitForAThreadThatNeverReturns) {
  patience = {.put_back = 20ms, .webhooks = 10ms, .webhooks_end = 10ms};
  begin(Manners::HoldsThread);
  jobs->begin_stop();
  EXPECT_FALSE(jobs->stop(std::chrono::steady_clock::now())) << "not even its webhooks can stop";
  EXPECT_FALSE(jobs->desk().queue->at_rest());
}

}  // namespace
}  // namespace headgate::app
