#include "model/job_json.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/encoding.h"

namespace headgate::model {
namespace {

std::string time_or_null(const std::optional<std::int64_t>& time) {
  return time ? json_quote(rfc3339(*time)) : "null";
}

std::string text_or_null(std::string_view text) { return text.empty() ? "null" : json_quote(text); }

std::string_view json_or_null(std::string_view json) { return json.empty() ? "null" : json; }

std::string attempts_json(const Job& job) {
  std::string json = "[";
  for (const JobAttempt& attempt : job.attempts) {
    json.append(json.size() == 1 ? "" : ",");
    json.append(R"({"n":)").append(std::to_string(attempt.n));
    json.append(R"(,"provider":)").append(json_quote(attempt.provider));
    json.append(R"(,"target":)").append(json_quote(attempt.target));
    json.append(R"(,"started_at":)").append(json_quote(rfc3339(attempt.started_at)));
    json.append(R"(,"ended_at":)").append(time_or_null(attempt.ended_at));
    json.append(R"(,"outcome":)").append(text_or_null(attempt.outcome));
    json.append(R"(,"error":)").append(text_or_null(attempt.error)).append("}");
  }
  return json.append("]");
}

std::string usage_json(const Job& job) {
  if (job.input_tokens < 0 && job.output_tokens < 0) {
    return "null";
  }
  const std::int64_t input = std::max<std::int64_t>(0, job.input_tokens);
  const std::int64_t output = std::max<std::int64_t>(0, job.output_tokens);
  return R"({"prompt_tokens":)" + std::to_string(input) + R"(,"completion_tokens":)" +
         std::to_string(output) + R"(,"total_tokens":)" + std::to_string(input + output) + "}";
}

/// The trace id of a W3C traceparent, version 00.
std::string trace_id(const Job& job) {
  return job.traceparent.size() >= 35 ? json_quote(job.traceparent.substr(3, 32)) : "null";
}

std::string cost_json(double cost) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.6f", cost);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

std::string job_json(const Job& job, const JobView& view) {
  std::string json = R"({"id":)" + json_quote(job.id) + R"(,"request_id":)" +
                     json_quote(view.request_id.empty() ? job.request_id : view.request_id);
  json.append(R"(,"object":"job","kind":)").append(json_quote(job.kind));
  json.append(R"(,"model":)").append(json_quote(job.model));
  json.append(R"(,"status":)").append(json_quote(view.status));
  json.append(R"(,"priority":)").append(json_quote(name_of(job.priority)));
  json.append(R"(,"client_id":)").append(text_or_null(job.client_id));
  json.append(R"(,"created_at":)").append(json_quote(rfc3339(job.created_at)));
  json.append(R"(,"started_at":)").append(time_or_null(job.started_at));
  json.append(R"(,"completed_at":)").append(time_or_null(job.completed_at));
  json.append(R"(,"attempts":)").append(attempts_json(job));
  json.append(R"(,"max_attempts":)").append(std::to_string(job.max_attempts));
  if (view.position) {
    json.append(R"(,"position":)").append(std::to_string(*view.position));
  }
  json.append(R"(,"result":)").append(json_or_null(view.result));
  json.append(R"(,"error":)").append(json_or_null(job.error_json));
  json.append(R"(,"usage":)").append(usage_json(job));
  json.append(R"(,"cost":)").append(cost_json(job.cost));
  return json.append(R"(,"trace_id":)").append(trace_id(job)).append("}");
}

}  // namespace headgate::model
