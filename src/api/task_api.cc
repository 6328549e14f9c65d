#include "api/task_api.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "api/errors.h"
#include "api/jobs.h"
#include "api/json_body.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

namespace json = boost::json;
using model::Kind;

Failure wrong_type(const std::string& field, const std::string& wanted) {
  Error error = invalid_request("'" + field + "' must be " + wanted + ".", field);
  error.code = "invalid_type";
  return fail(std::move(error));
}

bool is_whole(const json::value& value) { return value.is_int64() || value.is_uint64(); }

/// Checks the settings of a task and gives them their defaults; null leaves one to the model.
Result<void> settle(json::object& body) {
  for (const auto& [name, usual] : {std::pair<std::string, json::value>{"max_tokens", 512},
                                    {"temperature", 0.7},
                                    {"top_p", 0.9},
                                    {"top_k", nullptr}}) {
    const json::value* given = body.if_contains(name);
    const json::value value = given != nullptr ? *given : usual;
    if (value.is_null()) {
      body.erase(name);
      continue;
    }
    const bool whole = name == "max_tokens" || name == "top_k";
    if (whole ? !is_whole(value) : !value.is_number()) {
      return wrong_type(name, whole ? "a whole number" : "a number");
    }
    if (name == "max_tokens" && value.is_int64() && value.get_int64() < 1) {
      return wrong_type(name, "at least 1");
    }
    body[name] = value;
  }
  return {};
}

Result<void> rename_stop(json::object& body) {
  const json::value* given = body.if_contains("stop_sequences");
  if (given == nullptr) {
    return {};
  }
  json::value sequences = *given;
  body.erase("stop_sequences");
  if (sequences.is_null()) {
    return {};
  }
  const json::array* array = sequences.if_array();
  if (array == nullptr ||
      !std::ranges::all_of(*array, [](const json::value& one) { return one.is_string(); })) {
    return wrong_type("stop_sequences", "an array of strings");
  }
  if (!array->empty()) {
    body["stop"] = std::move(sequences);
  }
  return {};
}

/// What a model is asked with; nullopt if it does not generate text.
std::optional<Kind> text_kind(const routing::Model& model) {
  if (std::ranges::all_of(model.targets, &routing::Target::embedded)) {
    return std::nullopt;
  }
  for (const Kind kind : {Kind::Chat, Kind::Completion}) {
    if (model.kind == model::name_of(kind)) {
      return kind;
    }
  }
  return std::nullopt;
}

json::array text_models(const routing::Catalog& catalog) {
  json::array names;
  for (const auto& model : catalog.models()) {
    if (text_kind(*model)) {
      names.emplace_back(model->name);
    }
  }
  return names;
}

/// Seconds that the task ran, or null.
std::string processing_time(const model::Job& job) {
  if (!job.started_at || !job.completed_at) {
    return "null";
  }
  const auto ms = std::max<std::int64_t>(0, *job.completed_at - *job.started_at);
  std::array<char, 32> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%.3f", static_cast<double>(ms) / 1000.0);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string error_of(const model::Job& job) {
  const bool failed = is_terminal(job.state) && job.state != model::JobState::Succeeded;
  return failed ? error_object(ending_error(job), Surface::TaskApi, job.request_id,
                               job.completed_at.value_or(job.created_at))
                : "null";
}

}  // namespace

Result<std::string> required_text(const json::object& task, const std::string& name) {
  auto text = optional_text(task, name);
  if (!text) {
    return fail(text.error());
  }
  if (!*text || (*text)->empty()) {
    Error error = invalid_request("Missing required parameter: '" + name + "'.", name);
    error.code = "missing_required_parameter";
    return fail(std::move(error));
  }
  return std::move(**text);
}

Error invalid_model(Error error, std::string_view name, const json::array& available) {
  error.code = "invalid_model";
  error.param = "model";
  error.details_json = json::serialize(
      json::object{{"model", name.substr(0, 128)}, {"available_models", available}});
  return error;
}

bool is_task(const model::Job& job) {
  return std::ranges::any_of(std::array{Kind::Chat, Kind::Completion, Kind::Image, Kind::Speech},
                             [&](Kind kind) { return job.kind == model::name_of(kind); });
}

std::string task_json(const model::Job& job, std::string_view result) {
  std::string text = R"({"task_id":)" + json_quote(job.id) + R"(,"status":)" +
                     json_quote(status_word(job.state, JobWords::TaskApi));
  text.append(R"(,"result":)").append(result.empty() ? "null" : result);
  text.append(R"(,"error":)").append(error_of(job));
  text.append(R"(,"processing_time":)").append(processing_time(job));
  text.append(R"(,"worker_id":)")
      .append(job.attempts.empty() ? "null" : json_quote(job.attempts.back().provider));
  text.append(R"(,"created_at":)").append(json_quote(rfc3339(job.created_at)));
  text.append(R"(,"completed_at":)")
      .append(job.completed_at ? json_quote(rfc3339(*job.completed_at)) : "null");
  return text.append("}");
}

Result<std::string> make_text_body(Kind kind, const json::object& task) {
  auto prompt = required_text(task, "prompt");
  if (!prompt) {
    return fail(prompt.error());
  }
  json::object body = task;
  if (kind == Kind::Chat) {
    body.erase("prompt");
    body["messages"] = json::array{json::object{{"role", "user"}, {"content", *prompt}}};
  }
  auto settled = settle(body);
  if (!settled) {
    return fail(settled.error());
  }
  auto renamed = rename_stop(body);
  if (!renamed) {
    return fail(renamed.error());
  }
  return json::serialize(body);
}

Task<Result<edge::Response>> GenerateText::handle(Call call) const {
  auto preference = parse_prefer(call.http);
  if (!preference) {
    co_return fail(preference.error());
  }
  auto task = parse_json_body(call.http);
  if (!task) {
    co_return fail(task.error());
  }
  auto name = required_text(*task, "model");
  if (!name) {
    co_return fail(name.error());
  }
  const std::shared_ptr<const routing::Catalog> catalog = catalogs_.here();
  auto model = catalog->find(*name);
  if (!model) {
    co_return fail(invalid_model(model.error(), *name, text_models(*catalog)));
  }
  const std::optional<Kind> kind = text_kind(**model);
  if (!kind) {
    co_return fail(
        invalid_model(invalid_request("The model '" + *name + "' does not generate text."), *name,
                      text_models(*catalog)));
  }
  auto body = make_text_body(*kind, *task);
  if (!body) {
    co_return fail(body.error());
  }
  const bool chat = *kind == Kind::Chat;
  auto accepted =
      co_await submission_.submit(call, chat ? *carriers_.chat : *carriers_.completion,
                                  chat ? "/v1/chat/completions" : "/v1/completions",
                                  model::name_of(*kind), std::move(*body), "application/json");
  if (!accepted) {
    co_return fail(accepted.error());
  }
  co_return told_response(std::move(*accepted), *preference,
                          [](const AcceptedJob& told) { return task_json(told.job, told.result); });
}

}  // namespace headgate::api
