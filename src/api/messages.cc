#include "api/messages.h"

#include <string>
#include <utility>

#include "api/anthropic_request.h"
#include "api/caller_deadline.h"
#include "api/inference.h"
#include "api/own_body.h"

namespace headgate::api {
namespace {

Result<model::InferenceRequest> parse(const edge::Request& http) {
  auto json = require_json(http);
  if (!json) {
    return fail(json.error());
  }
  return parse_anthropic_request(http);
}

}  // namespace

Task<Result<edge::Response>> Messages::handle(Call call) const {
  auto request = parse(call.http);
  if (!request) {
    co_return fail(request.error());
  }
  const bool is_job = call.context.ledger != nullptr;
  if (!is_job || request->delivery == model::Delivery::Whole) {
    take_sdk_timeout(call.http, request->delivery, call.context);
    co_return co_await dispatcher_.run(std::move(*request), call.context);
  }
  // Nobody reads a job's answer as it comes.
  auto body = own_body(without_stream(*request));
  edge::Request whole = call.http;
  whole.body = *body;
  request = parse_anthropic_request(whole);
  if (!request) {
    co_return fail(request.error());
  }
  co_return co_await run_own(dispatcher_, std::move(*request), std::move(body), call.context);
}

Result<JobPlan> Messages::plan(const edge::Request& request) const {
  auto asked = parse(request);
  if (!asked) {
    return fail(asked.error());
  }
  if (request.field("anthropic-beta")) {
    return fail(invalid_request("A job keeps no header fields: anthropic-beta cannot apply to it.",
                                "anthropic-beta"));
  }
  return plan_inference(*asked, catalogs_);
}

Task<Result<edge::Response>> CountTokens::handle(Call call) const {
  auto request = parse(call.http);
  if (!request) {
    co_return fail(request.error());
  }
  auto counted = co_await counter_.count(std::move(*request), call.context);
  if (!counted) {
    co_return fail(counted.error());
  }
  edge::Response response;
  response.body = R"({"input_tokens":)" + std::to_string(counted->tokens) + "}";
  if (counted->by == dispatch::TokenCount::By::Estimate) {
    response.add_field("x-headgate-estimated", "true");
  }
  co_return response;
}

}  // namespace headgate::api
