#include "documents/worker_protocol.h"

#include <gtest/gtest.h>

namespace headgate::documents {
namespace {

model::PageReading sample_reading() {
  model::PageReading reading;
  reading.number = 3;
  reading.width = 1700;
  reading.height = 2200;
  reading.source = model::PageReading::Source::Ocr;
  reading.confidence = 0.75F;
  model::Line line;
  line.block = 4;
  line.box = {.left = 1, .top = 2, .right = 30, .bottom = 12};
  line.words.push_back({.text = "Zürich", .box = line.box, .confidence = 0.5F});
  line.words.push_back({.text = "8001", .box = line.box, .confidence = 1});
  reading.lines = {line, line};
  return reading;
}

JobMessage sample_job() {
  JobMessage job;
  job.id = 1ULL << 40;
  job.op = WorkerOp::ReadPage;
  job.page = 7;
  job.resolution = Resolution::Gundam;
  job.text_layer = TextLayer::Ignore;
  job.timeout_milliseconds = 60'000;
  job.languages = {"eng", "deu"};
  return job;
}

TEST(WorkerProtocol, KeepsAReadingWhole) {
  const auto answer = decode_reading(encode_answer(sample_reading()));
  ASSERT_TRUE(answer && answer->value);
  EXPECT_EQ(answer->value->number, 3U);
  EXPECT_EQ(answer->value->lines.size(), 2U);
  EXPECT_EQ(answer->value->lines[1].text(), "Zürich 8001");
  EXPECT_EQ(answer->value->lines[1].block, 4U);
  EXPECT_EQ(answer->value->lines[0].words[0].confidence, 0.5F);
}

TEST(WorkerProtocol, KeepsAJobWhole) {
  const auto job = decode_job(encode(sample_job()));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->id, 1ULL << 40);
  EXPECT_EQ(job->page, 7U);
  EXPECT_EQ(job->resolution, Resolution::Gundam);
  EXPECT_EQ(job->text_layer, TextLayer::Ignore);
  EXPECT_EQ(job->languages, (std::vector<std::string>{"eng", "deu"}));
}

TEST(WorkerProtocol, KeepsARefusalWhole) {
  const auto answer =
      decode_inspection(encode_answer(Refusal{.failure = PageFailure::TooManyPages, .figure = 9}));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->value);
  EXPECT_EQ(answer->refusal.failure, PageFailure::TooManyPages);
  EXPECT_EQ(answer->refusal.figure, 9U);
}

TEST(WorkerProtocol, RefusesEveryTruncationAndEverySurplusByte) {
  const std::string answer = encode_answer(sample_reading());
  for (std::size_t length = 0; length < answer.size(); ++length) {
    EXPECT_FALSE(decode_reading(std::string_view(answer).substr(0, length)));
  }
  EXPECT_FALSE(decode_reading(answer + "x"));
  const std::string job = encode(sample_job());
  for (std::size_t length = 0; length < job.size(); ++length) {
    EXPECT_FALSE(decode_job(std::string_view(job).substr(0, length)));
  }
  EXPECT_FALSE(decode_job(job + "x"));
}

TEST(WorkerProtocol, RefusesAnAnswerOfAnotherKind) {
  EXPECT_FALSE(decode_inspection(encode_answer(sample_reading())));
  EXPECT_FALSE(decode_job(encode(CancelMessage{.id = 1})));
  EXPECT_FALSE(decode_probe(encode_answer(sample_reading())));
}

TEST(WorkerProtocol, RefusesWordsThatAreNotText) {
  model::PageReading reading = sample_reading();
  reading.lines[0].words[0].text = "\xff\xfe";
  EXPECT_FALSE(decode_reading(encode_answer(reading)));
  reading = sample_reading();
  reading.lines[0].words[0].confidence = 2;
  EXPECT_FALSE(decode_reading(encode_answer(reading)));
}

TEST(WorkerProtocol, DoesNotBelieveACountLargerThanWhatFollows) {
  std::string answer = encode_answer(sample_reading());
  const std::size_t count_at = 5 + 4 + 12 + 1 + 4;  // frame, number, sizes, source, confidence
  answer[count_at] = '\xff';
  answer[count_at + 1] = '\xff';
  EXPECT_FALSE(decode_reading(answer));
}

}  // namespace
}  // namespace headgate::documents
