#include "api/inference.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/anthropic_models.h"
#include "api/anthropic_request.h"
#include "api/caller_deadline.h"
#include "api/model_object.h"
#include "api/openai_request.h"
#include "base/http_text.h"

namespace headgate::api {
Result<void> require_json(const edge::Request& request) {
  const std::string_view type = request.field("content-type").value_or("");
  if (is_media_type(type, "application/json")) {
    return {};
  }
  Error error = invalid_request("The body must be JSON, with Content-Type: application/json.");
  error.kind = ErrorKind::Unsupported;
  return fail(std::move(error));
}

Task<Result<edge::Response>> Inference::handle(Call call) const {
  auto json = require_json(call.http);
  if (!json) {
    co_return fail(json.error());
  }
  auto request = parse_openai_request(kind_, call.http.body);
  if (!request) {
    co_return fail(request.error());
  }
  take_sdk_timeout(call.http, request->delivery, call.context);
  co_return co_await dispatcher_.run(std::move(*request), call.context);
}

Result<JobPlan> Inference::plan(const edge::Request& request) const {
  auto json = require_json(request);
  if (!json) {
    return fail(json.error());
  }
  auto asked = parse_openai_request(kind_, request.body);
  if (!asked) {
    return fail(asked.error());
  }
  return plan_inference(*asked, catalogs_);
}

Result<JobPlan> plan_inference(const model::InferenceRequest& asked,
                               const dispatch::Catalogs& catalogs) {
  auto model = catalogs.here()->find(asked.model);
  if (!model) {
    return fail(model.error());
  }
  if (std::ranges::all_of((*model)->targets, &routing::Target::embedded)) {
    return fail(dispatch::reads_documents_only(asked.model));
  }
  // About 4 bytes a token, and as much again for the answer of a short prompt.
  constexpr std::size_t kBytesPerWork = 4000;
  return JobPlan{.model = (*model)->name,
                 .work = static_cast<std::uint32_t>(1 + asked.body.size() / kBytesPerWork)};
}

Task<Result<edge::Response>> Models::handle(Call call) const {
  const routing::Catalog& catalog = *catalogs_.here();
  if (speaks_anthropic(call.http)) {
    co_return anthropic_models(catalog, call);
  }
  edge::Response response;
  if (!call.path_values.empty()) {
    auto model = catalog.find(call.path_values.front());
    if (!model) {
      co_return fail(model.error());
    }
    response.body = model_object(**model);
    co_return response;
  }
  response.body = R"({"object":"list","data":[)";
  for (const auto& model : catalog.models()) {
    if (response.body.back() != '[') {
      response.body.push_back(',');
    }
    response.body.append(model_object(*model));
  }
  response.body.append("]}");
  co_return response;
}

}  // namespace headgate::api
