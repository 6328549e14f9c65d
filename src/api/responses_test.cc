#include "api/responses.h"

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

TEST(Responses, AStoredOneIsNamedAfterItsJob) {
  model::Job job;
  job.id = "0192-aa";
  job.created_at = 1'700'000'000'999;
  EXPECT_EQ(
      with_job_names(
          R"({"id":"resp_mine \"17\"","object":"response","created_at":5,"output":[{"id":"x"}]})",
          job),
      R"({"id":"resp_0192-aa","object":"response","created_at":1700000000,"output":[{"id":"x"}]})");
}

TEST(Responses, AConversationGoesOnBehindWhatWasAskedAndAnswered) {
  const std::string body = R"({"input":"and then?","model":"m"})";
  const std::string_view input = std::string_view(body).substr(9, 11);
  ASSERT_EQ(input, "\"and then?\"");
  EXPECT_EQ(continue_response(body, input, R"({"input":"hi"})", R"({"output":[{"a":1}, {"b":2}]})"),
            R"({"input":[{"role":"user","content":"hi"},{"a":1},{"b":2},)"
            R"({"role":"user","content":"and then?"}],"model":"m"})");
  EXPECT_EQ(continue_response(body, input, R"({"input":[{"x":[1]}]})", R"({"output":[]})"),
            R"({"input":[{"x":[1]},{"role":"user","content":"and then?"}],"model":"m"})");
}

}  // namespace
}  // namespace headgate::api
