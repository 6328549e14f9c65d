#include "sim/behaviour.h"

#include <chrono>
#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace headgate::sim {
namespace {

using namespace std::chrono_literals;

Behaviour read(std::string_view model) {
  auto result = behaviour_of(model, Behaviour{});
  if (auto* error = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *error;
    return {};
  }
  return std::get<Behaviour>(std::move(result));
}

std::string error_of(std::string_view model) {
  auto result = behaviour_of(model, Behaviour{});
  auto* error = std::get_if<std::string>(&result);
  return error ? *error : "";
}

TEST(Behaviour, ParametersCombineWithColons) {
  Behaviour behaviour = read("sim:status=429:retry-after=2:latency=50ms");
  EXPECT_EQ(behaviour.status, 429);
  EXPECT_EQ(behaviour.retry_after, "2");
  EXPECT_EQ(behaviour.latency, 50ms);
}

TEST(Behaviour, AliasesNameTheSameParameter) {
  Behaviour behaviour = read("sim:tps=1000:bytes=16KiB:slow-first-token=3s");
  EXPECT_EQ(behaviour.tokens_per_second, 1000);
  EXPECT_EQ(behaviour.answer_bytes, 16384U);
  EXPECT_EQ(behaviour.first_token, 3s);
  EXPECT_EQ(behaviour.token_count(), 4096U) << "four bytes a token";
}

TEST(Behaviour, FaultsTakeTheirEvent) {
  EXPECT_EQ(read("sim:cut=5").fault_at, 5U);
  EXPECT_EQ(read("sim:cut").fault_at, 1U);
  EXPECT_EQ(read("sim-b:reset").fault, Fault::Reset);
}

TEST(Behaviour, OtherNamesAreServedWithTheDefaults) {
  EXPECT_EQ(read("llama3:8b").status, 200);
  EXPECT_EQ(read("simulated:cut=1").fault, Fault::None);
}

TEST(Behaviour, BytesAndEventsAreToldApart) {
  EXPECT_EQ(read("sim:cut-bytes=7").fault_unit, FaultUnit::Bytes);
  EXPECT_EQ(read("sim:cut-bytes=7").fault_at, 7U);
  EXPECT_EQ(read("sim:cut-bytes=7:cut=2").fault_unit, FaultUnit::Events);
}

TEST(Behaviour, AServerThatIsWellAgainSaysTheSame) {
  Behaviour well =
      read("sim:tokens=3:vary:cached-tokens=2:status=503:cut=1:latency=1s").healthy(Behaviour{});
  EXPECT_EQ(well.token_count(), 3U);
  EXPECT_TRUE(well.vary);
  EXPECT_EQ(well.cached_tokens, 2U);
  EXPECT_EQ(well.status, 200);
  EXPECT_EQ(well.fault, Fault::None);
  EXPECT_EQ(well.latency, 0us);
}

TEST(Behaviour, WordsAreChosenFromTheirList) {
  EXPECT_EQ(read("sim:job=timed-out").job_end, JobEnd::TimedOut);
  EXPECT_EQ(read("sim:because=quota").cause, Cause::Quota);
  EXPECT_NE(error_of("sim:job=done"), "");
  EXPECT_NE(error_of("sim:because=rain"), "");
}

TEST(Behaviour, MistakesAreNamed) {
  EXPECT_NE(error_of("sim:latenzy=1s").find("latenzy"), std::string::npos);
  EXPECT_NE(error_of("sim:latency=fast").find("fast"), std::string::npos);
  EXPECT_NE(error_of("sim:latency"), "");
  EXPECT_NE(error_of("sim:status=99"), "");
  EXPECT_NE(error_of("sim:echo=1"), "");
  EXPECT_NE(error_of("sim:retry-after=1\r\nx: y"), "") << "no second header line";
}

}  // namespace
}  // namespace headgate::sim
