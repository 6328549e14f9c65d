#include "observe/request_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/metrics.h"
#include "observe/record_ring.h"
#include "observe/request_record.h"
#include "observe/shard.h"

namespace headgate::observe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

model::RequestContext& full(model::RequestContext& context) {
  auto principal = std::make_shared<model::Principal>();
  principal->id = "key:abc";
  context.principal = principal;
  context.request_id = "0199-id";
  context.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  context.client_id = "app";
  context.remote_address = "127.0.0.1";
  context.started = SteadyTime(100s);
  context.route = "/v1/models/{id}";
  context.kind = "chat";
  context.model = "gemma";
  context.provider = "local";
  context.target = "google/gemma";
  context.attempts = 2;
  context.streamed = true;
  context.input_tokens = 0;
  context.auth_time = 12us;
  context.queue_time = 1ms;
  context.upstream_time = 2ms;
  context.upstream_wait = 5ms;
  return context;
}

Outcome outcome(int status = 200) {
  return {.method = "POST",
          .path = "/v1/models/a",
          .status = status,
          .bytes_in = 10,
          .bytes_out = 20,
          .ended = SteadyTime(100s) + 12345678ns};
}

std::string json_of(const model::RequestContext& context, const Outcome& ended) {
  RequestRecord record;
  record.assign(context, ended);
  TextBuffer line;
  TimeText time;
  add_json_line(line, record, 1768496400007, time);
  return std::string(line.text());
}

TEST(RequestRecord, BecomesOneJsonLine) {
  model::RequestContext context;
  EXPECT_EQ(json_of(full(context), outcome()),
            R"({"ts":"2026-01-15T17:00:00.007Z","level":"info","message":"request","id":"0199-id",)"
            R"("principal":"key:abc","client_id":"app","method":"POST","route":"/v1/models/{id}",)"
            R"("path":"/v1/models/a","kind":"chat","model":"gemma","provider":"local",)"
            R"("target":"google/gemma","status":200,"bytes_in":10,"bytes_out":20,)"
            R"("duration_ms":12.345,"auth_ms":0.012,"queue_ms":1.000,"upstream_ms":2.000,)"
            R"("overhead_ms":6.345,"attempts":2,"streamed":true,"input_tokens":0,)"
            R"("remote":"127.0.0.1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"})"
            "\n");
}

TEST(RequestRecord, TellsOfTheCacheAndOfEstimatesAndOfFailedCalls) {
  model::RequestContext context;
  full(context).cache = model::CacheOutcome::Miss;
  context.usage_estimated = true;
  context.failed_attempts = "local/gemma=upstream_timeout other/g=upstream_error";
  const std::string line = json_of(context, outcome());
  EXPECT_THAT(line, HasSubstr(R"("input_tokens":0,"usage_estimated":true,"cache":"miss",)"
                              R"("failed_attempts":"local/gemma=upstream_timeout )"
                              R"(other/g=upstream_error","remote":)"));
}

TEST(RequestRecord, EscapesWhatClientsSend) {
  model::RequestContext context;
  full(context).client_id = "a\"b\n{\"status\":1}\x1b\xff";
  const std::string line = json_of(context, outcome());
  EXPECT_THAT(line, HasSubstr(R"("client_id":"a\"b\n{\"status\":1}\u001b)"
                              "\xEF\xBF\xBD\""));
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
}

TEST(RequestRecord, KeepsWhatFitsOfLongTexts) {
  model::RequestContext context;
  full(context).client_id = std::string(5000, 'c');
  context.request_id = std::string(128, 'r');
  context.model = std::string(5000, 'm');
  context.target = std::string(5000, 't');
  context.error_detail = std::string(5000, 'd');
  Outcome ended = outcome(502);
  const std::string path(5000, 'p');
  ended.path = path;
  const std::string line = json_of(context, ended);
  EXPECT_THAT(line, HasSubstr(std::string(128, 'r') + "\""));
  EXPECT_THAT(line, HasSubstr("\"" + std::string(64, 'c') + "\""));
  EXPECT_THAT(line, HasSubstr("\"level\":\"error\""));
  EXPECT_THAT(line, HasSubstr("4bf92f3577b34da6a3ce929d0e0e4736"));
  EXPECT_LT(line.size(), 1600U);
}

TEST(RequestRecord, FitsItsBufferWhenEveryByteIsEscaped) {
  const std::string worst(5000, '\x01');
  model::RequestContext context;
  full(context).route = worst;
  context.kind = worst;
  context.error_detail = context.target = context.model = worst;
  context.request_id = context.client_id = context.provider = worst;
  context.input_tokens = context.output_tokens = INT64_MAX;
  Outcome ended = outcome();
  ended.path = worst;
  ended.bytes_in = ended.bytes_out = UINT64_MAX / 2;
  const std::string line = json_of(context, ended);
  EXPECT_TRUE(line.ends_with("}\n"));
  EXPECT_LT(line.size(), 8704U);
}

TEST(RequestRecord, ATextLineHasNoControlCharacters) {
  model::RequestContext context;
  full(context).error_code = "bad\x1b[2J";
  RequestRecord record;
  record.assign(context, outcome(400));
  TextBuffer line;
  TimeText time;
  add_text_line(line, record, 1768496400007, time);
  EXPECT_EQ(line.text(),
            "2026-01-15T17:00:00.007Z POST /v1/models/a 400 12.345ms 20B gemma local key:abc "
            "bad\\u001b[2J\n");
}

TEST(RecordRing, RefusesWhenFullAndKeepsOrder) {
  RecordRing<int> ring(4);
  for (int i = 0; i < 4; ++i) {
    *ring.begin_push() = i;
    ring.push();
  }
  EXPECT_EQ(ring.begin_push(), nullptr);
  EXPECT_EQ(*ring.front(), 0);
  ring.pop();
  ASSERT_NE(ring.begin_push(), nullptr);
  *ring.begin_push() = 4;
  ring.push();
  for (int i = 1; i <= 4; ++i) {
    ASSERT_NE(ring.front(), nullptr);
    EXPECT_EQ(*ring.front(), i);
    ring.pop();
  }
  EXPECT_EQ(ring.front(), nullptr);
}

TEST(RecordRing, CarriesEveryRecordBetweenTwoThreads) {
  constexpr int kCount = 20000;
  RecordRing<int> ring(64);
  std::thread writer([&] {
    for (int i = 0; i < kCount;) {
      if (int* slot = ring.begin_push()) {
        *slot = i++;
        ring.push();
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (int expected = 0; expected < kCount;) {
    if (const int* record = ring.front()) {
      EXPECT_EQ(*record, expected++);
      ring.pop();
    } else {
      std::this_thread::yield();
    }
  }
  writer.join();
}

class RequestLogTest : public testing::Test {
 protected:
  RequestLogTest() {
    std::string name = (std::filesystem::temp_directory_path() / "headgate-log-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    path_ = folder_ / "requests.log";
    full(context_);
  }
  ~RequestLogTest() override { std::filesystem::remove_all(folder_); }

  static std::string text_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return std::move(text).str();
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
  model::RequestContext context_;
};

TEST_F(RequestLogTest, WritesEveryLineOfAllLoopsBeforeItStops) {
  RequestLog log({.loops = 2, .path = path_.string()});
  std::vector<std::thread> threads;
  for (const std::size_t shard : {0U, 0U, 1U, 2U}) {
    threads.emplace_back([&, shard] {
      const ShardClaim claim(shard);
      model::RequestContext mine;
      full(mine);
      for (int i = 0; i < 500; ++i) {
        log.record(mine, outcome());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  log.stop();
  const std::string text = text_of(path_);
  EXPECT_EQ(std::ranges::count(text, '\n'), 2000);
  EXPECT_EQ(log.dropped(), 0U);
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST_F(RequestLogTest, TellsMetricsWhatWasLost) {
  Metrics metrics(1);
  RequestLog log({.path = path_.string()});
  log.add_metrics(metrics);
  log.stop();
  log.record(context_, outcome());
  EXPECT_THAT(metrics.scrape(), HasSubstr("headgate_log_lines_dropped_total 1\n"));
}

TEST_F(RequestLogTest, TheLevelDecidesWhichRequestsAreShown) {
  RequestLog log({.level = log::Level::Warning, .path = path_.string()});
  log.record(context_, outcome(200));
  log.record(context_, outcome(404));
  log.set_level(log::Level::Error);
  log.record(context_, outcome(404));
  log.record(context_, outcome(503));
  log.stop();
  const std::string text = text_of(path_);
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_THAT(text, HasSubstr("\"status\":404"));
  EXPECT_THAT(text, HasSubstr("\"status\":503"));
}

TEST_F(RequestLogTest, AFullDiskLosesLinesAndCountsThem) {
  RequestLog log({.path = "/dev/full"});
  for (int i = 0; i < 3; ++i) {
    log.record(context_, outcome());
  }
  log.stop();
  EXPECT_EQ(log.dropped(), 3U);
}

TEST_F(RequestLogTest, RecordsAfterTheStopAreCountedAsDropped) {
  RequestLog log({.path = path_.string()});
  log.stop();
  log.record(context_, outcome());
  EXPECT_EQ(log.dropped(), 1U);
}

}  // namespace
}  // namespace headgate::observe
