#include "model/job_json.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/encoding.h"

namespace headgate::model {
namespace {

void append_time(std::string& out, std::int64_t time) {
  out.push_back('"');
  append_rfc3339(out, time);
  out.push_back('"');
}

void append_time_or_null(std::string& out, const std::optional<std::int64_t>& time) {
  if (time) {
    append_time(out, *time);
  } else {
    out.append("null");
  }
}

void append_text_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out.append("null");
  } else {
    append_json_quoted(out, text);
  }
}

void append_json_or_null(std::string& out, std::string_view json) {
  out.append(json.empty() ? "null" : json);
}

void append_attempts(std::string& out, const Job& job) {
  out.push_back('[');
  for (const JobAttempt& attempt : job.attempts) {
    out.append(&attempt == job.attempts.data() ? "" : ",");
    out.append(R"({"n":)").append(std::to_string(attempt.n));
    out.append(R"(,"provider":)");
    append_json_quoted(out, attempt.provider);
    out.append(R"(,"target":)");
    append_json_quoted(out, attempt.target);
    out.append(R"(,"started_at":)");
    append_time(out, attempt.started_at);
    out.append(R"(,"ended_at":)");
    append_time_or_null(out, attempt.ended_at);
    out.append(R"(,"outcome":)");
    append_text_or_null(out, attempt.outcome);
    out.append(R"(,"error":)");
    append_text_or_null(out, attempt.error);
    out.push_back('}');
  }
  out.push_back(']');
}

void append_usage(std::string& out, const Job& job) {
  if (job.input_tokens < 0 && job.output_tokens < 0) {
    out.append("null");
    return;
  }
  const std::int64_t input = std::max<std::int64_t>(0, job.input_tokens);
  const std::int64_t output = std::max<std::int64_t>(0, job.output_tokens);
  out.append(R"({"prompt_tokens":)").append(std::to_string(input));
  out.append(R"(,"completion_tokens":)").append(std::to_string(output));
  out.append(R"(,"total_tokens":)").append(std::to_string(input + output)).append("}");
}

/// The trace id of a W3C traceparent, version 00.
std::string_view trace_id(const Job& job) {
  return job.traceparent.size() >= 35 ? std::string_view(job.traceparent).substr(3, 32)
                                      : std::string_view();
}

void append_cost(std::string& out, double cost) {
  if (cost == 0) {
    out.append("0.000000");
    return;
  }
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.6f", cost);
  out.append(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::string job_json(const Job& job, const JobView& view) {
  // What the members take besides their texts.
  constexpr std::size_t kFixed = 512;
  std::string json;
  json.reserve(kFixed + job.model.size() + job.client_id.size() + view.result.size() +
               job.error_json.size());
  json.append(R"({"id":)");
  append_json_quoted(json, job.id);
  json.append(R"(,"request_id":)");
  append_json_quoted(json, view.request_id.empty() ? job.request_id : view.request_id);
  json.append(R"(,"object":"job","kind":)");
  append_json_quoted(json, job.kind);
  json.append(R"(,"model":)");
  append_json_quoted(json, job.model);
  json.append(R"(,"status":)");
  append_json_quoted(json, view.status);
  json.append(R"(,"priority":)");
  append_json_quoted(json, name_of(job.priority));
  json.append(R"(,"client_id":)");
  append_text_or_null(json, job.client_id);
  json.append(R"(,"created_at":)");
  append_time(json, job.created_at);
  json.append(R"(,"started_at":)");
  append_time_or_null(json, job.started_at);
  json.append(R"(,"completed_at":)");
  append_time_or_null(json, job.completed_at);
  json.append(R"(,"attempts":)");
  append_attempts(json, job);
  json.append(R"(,"max_attempts":)").append(std::to_string(job.max_attempts));
  if (view.position) {
    json.append(R"(,"position":)").append(std::to_string(*view.position));
  }
  json.append(R"(,"result":)");
  append_json_or_null(json, view.result);
  json.append(R"(,"error":)");
  append_json_or_null(json, job.error_json);
  json.append(R"(,"usage":)");
  append_usage(json, job);
  json.append(R"(,"cost":)");
  append_cost(json, job.cost);
  json.append(R"(,"trace_id":)");
  append_text_or_null(json, trace_id(job));
  return json.append("}");
}

}  // namespace headgate::model
