#include "documents/worker_pool.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/event_loop.h"
#include "documents/reader.h"
#include "documents/testing_documents.h"
#include "documents/worker_main.h"

namespace headgate::documents {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

WorkerPoolConfig config_of(unsigned workers) {
  WorkerPoolConfig config;
  config.workers = workers;
  config.documents.page_timeout = 10min;  // a slow machine must not decide what is read
  return config;
}

std::shared_ptr<const Document> document_of(const std::string& bytes) {
  auto document = Document::create(bytes, 64 << 20);
  return document ? *document : nullptr;
}

std::string text_of(const model::PageReading& reading) {
  std::string text;
  for (const model::Line& line : reading.lines) {
    text += line.text() + "\n";
  }
  return text;
}

/// Process ids of the children of `parent`.
std::vector<int> children_of(int parent) {
  std::vector<int> children;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (!std::getline(file, line) || line.rfind(')') == std::string::npos) {
      continue;
    }
    const std::string after = line.substr(line.rfind(')') + 4);  // past ") S "
    if (std::stoi(after) == parent) {
      children.push_back(std::stoi(line));
    }
  }
  return children;
}

/// Waits until a worker of `pool` has a page process, at most half a minute; 0 if none came.
int await_page_process(const WorkerPool& pool) {
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (std::chrono::steady_clock::now() < until) {
    for (const int worker : pool.process_ids()) {
      const auto children = children_of(worker);
      if (!children.empty()) {
        return children.front();
      }
    }
    std::this_thread::yield();
  }
  return 0;
}

struct Reading : testing::Test {
  EventLoop loop;
  CancelSource cancel;

  Result<model::PageReading> read(WorkerPool& pool, const std::string& bytes,
                                  std::uint32_t page = 1, ReadOptions options = {}) {
    return run_on(loop, pool.read_page(document_of(bytes), page, std::move(options), cancel));
  }
  Result<Inspection> inspect(WorkerPool& pool, const std::string& bytes) {
    return run_on(loop, pool.inspect(document_of(bytes), SteadyTime::max(), cancel));
  }
};

TEST_F(Reading, RecognisesThePictureOfAnyFormat) {
  WorkerPool pool(config_of(2));
  const Picture picture = drawn_text({"Invoice number 48213", "Total amount 1250.00"});
  for (const int format : {IFF_PNG, IFF_JFIF_JPEG, IFF_WEBP, IFF_BMP, IFF_TIFF_LZW}) {
    const auto reading = read(pool, encoded(picture, format));
    ASSERT_TRUE(reading.has_value()) << format << ": " << reading.error().detail;
    EXPECT_EQ(reading->source, model::PageReading::Source::Ocr);
    EXPECT_THAT(text_of(*reading), HasSubstr("48213")) << format;
    EXPECT_THAT(text_of(*reading), HasSubstr("1250.00")) << format;
    EXPECT_EQ(reading->width, static_cast<float>(width_of(picture)));
    const model::Box& box = reading->lines.front().words.front().box;
    EXPECT_NEAR(box.left, 80, 12) << "in pixels of the picture as sent";
  }
  EXPECT_EQ(pool.counters().pages_read, 5U);
  EXPECT_EQ(pool.counters().crashes, 0U);
}

TEST_F(Reading, TurnsAPageThatLiesOnItsSide) {
  WorkerPool pool(config_of(1));
  const auto reading = read(pool, encoded(turned(long_text(), 90), IFF_PNG));
  ASSERT_TRUE(reading.has_value());
  EXPECT_THAT(text_of(*reading), HasSubstr("quick brown fox"));
  EXPECT_LT(reading->width, reading->height);
  const auto other_side = read(pool, encoded(turned(long_text(), 270), IFF_PNG));
  ASSERT_TRUE(other_side.has_value());
  EXPECT_THAT(text_of(*other_side), HasSubstr("quick brown fox"));
  EXPECT_LT(other_side->width, other_side->height);
}

TEST_F(Reading, ReadsFaintPrintBesideABlackBorder) {
  WorkerPool pool(config_of(1));
  const Picture picture = drawn_text({"Invoice number 48213", "Total amount 1250.00",
                                      "Thank you for your visit", "Come again soon"});
  pixGammaTRC(picture.get(), picture.get(), 1, -900, 255);  // black becomes a light grey
  const Picture framed(pixAddBorder(picture.get(), 120, 0));
  const auto reading = read(pool, encoded(framed, IFF_PNG));
  ASSERT_TRUE(reading.has_value());
  EXPECT_THAT(text_of(*reading), HasSubstr("1250.00"));
  EXPECT_THAT(text_of(*reading), HasSubstr("Come again soon"));
}

TEST_F(Reading, UsesATextLayerThatIsComplete) {
  WorkerPool pool(config_of(1));
  const auto reading = read(pool, text_pdf("Wages and tips 43000.17"));
  ASSERT_TRUE(reading.has_value()) << reading.error().message;
  EXPECT_EQ(reading->source, model::PageReading::Source::TextLayer);
  EXPECT_EQ(text_of(*reading), "Wages and tips 43000.17\n");
  EXPECT_NEAR(reading->lines[0].box.left, 40.0F / 72 * 200, 3);

  ReadOptions options;
  options.text_layer = TextLayer::Ignore;
  const auto recognised = read(pool, text_pdf("Wages and tips 43000.17"), 1, options);
  ASSERT_TRUE(recognised.has_value());
  EXPECT_EQ(recognised->source, model::PageReading::Source::Ocr);
  EXPECT_THAT(text_of(*recognised), HasSubstr("43000.17"));
}

TEST_F(Reading, SeesTheValueOfAFilledFormField) {
  WorkerPool pool(config_of(1));
  const auto reading = read(pool, form_pdf("Margaret Hollis"));
  ASSERT_TRUE(reading.has_value());
  EXPECT_THAT(text_of(*reading), HasSubstr("Margaret Hollis"));
}

TEST_F(Reading, CallsAnEmptyPageBlank) {
  WorkerPool pool(config_of(1));
  const auto reading = read(pool, encoded(drawn_text({}), IFF_PNG));
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->source, model::PageReading::Source::Blank);
  EXPECT_TRUE(reading->lines.empty());
}

TEST_F(Reading, RefusesWhatItCannotOrMayNotRead) {
  WorkerPoolConfig config = config_of(1);
  config.documents.max_pages = 2;
  config.documents.max_pixels = 1'000'000;
  WorkerPool pool(config);
  const auto refusal = [&](const std::string& bytes) {
    const auto result = inspect(pool, bytes);
    return result ? "accepted"
                  : std::to_string(http_status(result.error().kind)) + " " +
                        std::string(wire_code(result.error()));
  };
  EXPECT_EQ(refusal("<html>hello</html>"), "400 unreadable_file");
  EXPECT_EQ(refusal("GIF89a........"), "415 unsupported_file_type");
  EXPECT_EQ(refusal("%PDF-1.4\nnothing follows"), "400 unreadable_file");
  EXPECT_EQ(refusal(locked_pdf()), "400 password_required");
  EXPECT_EQ(refusal(text_pdf("x", 3)), "413 too_many_pages");
  EXPECT_EQ(refusal(text_pdf("x", 2)), "accepted");
  EXPECT_EQ(refusal(encoded(long_text(), IFF_PNG)), "413 too_many_pixels");
  const auto page = read(pool, encoded(long_text(), IFF_PNG));
  ASSERT_FALSE(page.has_value()) << "the limit holds for reading too";
  EXPECT_EQ(page.error().kind, ErrorKind::TooLarge);
  EXPECT_EQ(pool.counters().pages_failed, 1U);
  EXPECT_EQ(pool.counters().crashes, 0U);
}

TEST_F(Reading, EndsAPageThatTakesTooLong) {
  WorkerPoolConfig config = config_of(1);
  config.documents.page_timeout = 1500ms;
  WorkerPool pool(config);
  const auto reading = read(pool, endless_pdf());
  ASSERT_FALSE(reading.has_value());
  EXPECT_EQ(reading.error().kind, ErrorKind::Timeout);
  EXPECT_EQ(pool.counters().timeouts, 1U);
  EXPECT_TRUE(read(pool, text_pdf("still here")).has_value());
}

TEST_F(Reading, EndsAPageWhenTheRequestsTimeIsUp) {
  WorkerPool pool(config_of(1));
  ASSERT_TRUE(inspect(pool, text_pdf("ready")).has_value());
  ReadOptions options;
  options.deadline = std::chrono::steady_clock::now() + 500ms;
  const auto reading = read(pool, endless_pdf(), 1, options);
  ASSERT_FALSE(reading.has_value());
  EXPECT_EQ(reading.error().kind, ErrorKind::Timeout);
}

TEST_F(Reading, RepeatsAPageWhoseProcessWasKilled) {
  WorkerPool pool(config_of(2));
  std::thread killer([&] { ::kill(await_page_process(pool), SIGKILL); });
  const auto reading = read(pool, encoded(long_text(), IFF_PNG));
  killer.join();
  ASSERT_TRUE(reading.has_value()) << reading.error().message;
  EXPECT_THAT(text_of(*reading), HasSubstr("quick brown fox"));
  EXPECT_EQ(pool.counters().crashes, 1U);
  EXPECT_EQ(pool.counters().restarts, 0U) << "only the page process died";
}

TEST_F(Reading, RepeatsThePageOfAKilledWorkerAndReplacesIt) {
  WorkerPool pool(config_of(1));
  std::thread killer([&] {
    await_page_process(pool);
    for (const int worker : pool.process_ids()) {
      ::kill(worker, SIGKILL);
    }
  });
  const auto reading = read(pool, encoded(long_text(), IFF_PNG));
  killer.join();
  ASSERT_TRUE(reading.has_value()) << reading.error().message;
  EXPECT_EQ(pool.counters().crashes, 1U);
  EXPECT_EQ(pool.counters().restarts, 1U);
}

TEST_F(Reading, FailsAPageThatDiesTwiceAndSaysWhy) {
  WorkerPool pool(config_of(1));
  std::thread killer([&] {
    const int first = await_page_process(pool);
    ::kill(first, SIGKILL);
    int second = first;
    while (second == first) {
      second = await_page_process(pool);
    }
    ::kill(second, SIGKILL);
  });
  const auto reading = read(pool, endless_pdf());
  killer.join();
  ASSERT_FALSE(reading.has_value());
  EXPECT_EQ(wire_code(reading.error()), "page_failed");
  EXPECT_EQ(reading.error().detail, "sandbox_killed:SIGKILL");
  EXPECT_EQ(pool.counters().pages_failed, 1U);
  EXPECT_TRUE(read(pool, text_pdf("still here")).has_value());
}

TEST_F(Reading, KillsThePageOfAClientThatLeft) {
  WorkerPool pool(config_of(1));
  int page = 0;
  std::thread client([&] {
    page = await_page_process(pool);
    loop.post([&] { cancel.cancel(); });
  });
  const auto reading = read(pool, endless_pdf());
  client.join();
  ASSERT_FALSE(reading.has_value());
  EXPECT_EQ(reading.error().kind, ErrorKind::ClientLeft);
  EXPECT_NE(::kill(page, 0), 0) << "the page process is gone";
  EXPECT_EQ(pool.counters().busy, 0U);
  EXPECT_EQ(pool.counters().crashes, 0U);
  cancel.reset();
  EXPECT_TRUE(read(pool, text_pdf("next")).has_value());
}

TEST_F(Reading, StopLeavesNoProcessBehind) {
  WorkerPool pool(config_of(2));
  int page = 0;
  std::vector<int> workers;
  std::thread stopper([&] {
    page = await_page_process(pool);
    workers = pool.process_ids();
    pool.stop();
  });
  const auto reading = read(pool, endless_pdf());
  stopper.join();
  EXPECT_FALSE(reading.has_value());
  EXPECT_FALSE(workers.empty());
  for (const int worker : workers) {
    EXPECT_NE(::kill(worker, 0), 0) << "neither running nor a zombie";
    EXPECT_EQ(errno, ESRCH);
  }
  const auto late = read(pool, text_pdf("late"));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, ErrorKind::Overloaded);
}

TEST_F(Reading, SaysSoWhenNoWorkerCanStart) {
  WorkerPoolConfig config = config_of(2);
  config.documents.languages = {"no_such_language"};
  WorkerPool pool(config);
  const auto result = inspect(pool, text_pdf("x"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::Overloaded);
  EXPECT_EQ(pool.counters().ready, 0U);
}

TEST_F(Reading, RefusesALanguageThatIsNotInstalled) {
  WorkerPool pool(config_of(1));
  for (const char* const language : {"no_such_language", "../../etc/passwd"}) {
    ReadOptions options;
    options.languages = {language};
    const auto reading = read(pool, text_pdf("x"), 1, options);
    ASSERT_FALSE(reading.has_value());
    EXPECT_EQ(wire_code(reading.error()), "unknown_language");
  }
}

TEST_F(Reading, ReplacesAWorkerAfterItsShareOfPages) {
  WorkerPoolConfig config = config_of(1);
  config.recycle_after = 2;
  WorkerPool pool(config);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(read(pool, text_pdf("page")).has_value());
  }
  EXPECT_EQ(pool.counters().restarts, 2U);
  EXPECT_EQ(pool.counters().crashes, 0U);
}

TEST_F(Reading, ReadsAllPagesOfADocumentInOrder) {
  WorkerPool pool(config_of(2));
  auto reading =
      run_on(loop, read_document(pool, document_of(text_pdf("One page", 7)), {}, cancel));
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->type, FileType::Pdf);
  ASSERT_EQ(reading->pages.size(), 7U);
  for (std::uint32_t i = 0; i < 7; ++i) {
    EXPECT_EQ(reading->pages[i].number, i + 1);
    ASSERT_TRUE(reading->pages[i].reading.has_value());
    EXPECT_EQ(reading->pages[i].reading->number, i + 1);
  }
}

TEST_F(Reading, GivesTheFirstErrorWhenEveryPageFails) {
  WorkerPoolConfig config = config_of(1);
  config.documents.page_timeout = 500ms;
  WorkerPool pool(config);
  auto reading = run_on(loop, read_document(pool, document_of(endless_pdf()), {}, cancel));
  ASSERT_FALSE(reading.has_value());
  EXPECT_EQ(reading.error().kind, ErrorKind::Timeout);
}

TEST(Sandbox, DeniesEveryForbiddenAct) { EXPECT_EQ(run_worker_probe("/proc/self/exe"), 0); }

TEST_F(Reading, ReportsTheSandbox) {
  WorkerPool pool(config_of(1));
  ASSERT_TRUE(inspect(pool, text_pdf("x")).has_value());
  const auto sandbox = pool.sandbox();
  const auto state_of = [&](const char* mechanism) {
    const auto at = std::find_if(sandbox.begin(), sandbox.end(), [&](const SandboxStatus& status) {
      return status.mechanism == mechanism;
    });
    return at == sandbox.end() ? std::string() : at->state;
  };
  EXPECT_EQ(state_of("seccomp"), "on");
  EXPECT_EQ(state_of("rlimits"), "on");
  EXPECT_EQ(state_of("no_new_privs"), "on");
  EXPECT_FALSE(state_of("landlock").empty());
  EXPECT_FALSE(state_of("namespaces").empty());
}

}  // namespace
}  // namespace headgate::documents
