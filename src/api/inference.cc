#include "api/inference.h"

#include <string>
#include <utility>

#include "api/anthropic_models.h"
#include "api/anthropic_request.h"
#include "api/caller_deadline.h"
#include "api/media_request.h"
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

Result<model::InferenceRequest> Inference::parse(const edge::Request& http) const {
  if (is_of_media(kind_)) {
    return parse_media_request(kind_, http);
  }
  auto json = require_json(http);
  if (!json) {
    return fail(json.error());
  }
  return parse_openai_request(kind_, http.body);
}

Task<Result<edge::Response>> Inference::handle(Call call) const {
  auto request = parse(call.http);
  if (!request) {
    co_return fail(request.error());
  }
  take_sdk_timeout(call.http, request->delivery, call.context);
  co_return co_await dispatcher_.run(std::move(*request), call.context);
}

Result<JobPlan> Inference::plan(const edge::Request& http) const {
  auto asked = parse(http);
  if (!asked) {
    return fail(asked.error());
  }
  if (is_of_media(kind_) && asked->delivery == model::Delivery::Stream) {
    return fail(invalid_request("A job's answer of this kind cannot be streamed.",
                                kind_ == model::Kind::Speech ? "stream_format" : "stream"));
  }
  return plan_inference(*asked, catalogs_);
}

Result<JobPlan> plan_inference(const model::InferenceRequest& asked,
                               const dispatch::Catalogs& catalogs) {
  auto model = catalogs.here()->find(asked.model);
  if (!model) {
    return fail(model.error());
  }
  if (auto able = dispatch::check_kind(**model, asked.kind); !able) {
    return fail(able.error());
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
