#include "api/admin_targets.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "api/form.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

using routing::BreakerState;
using routing::TargetView;

std::string milliseconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

/// What an operator reads of one target; times in milliseconds, null where they are not known.
std::string target_json(const TargetView& view, SteadyTime now) {
  const auto known = [](std::chrono::nanoseconds time) {
    return time.count() == 0 ? std::string("null") : milliseconds(time);
  };
  const bool waits = view.state == BreakerState::Open && view.open_until != SteadyTime::max();
  std::string json = R"({"provider":)";
  json.append(json_quote(view.provider))
      .append(R"(,"target":)")
      .append(json_quote(view.target))
      .append(R"(,"state":")")
      .append(routing::name_of(view.state))
      .append(R"(","cause":)")
      .append(view.cause == routing::OpenCause::None
                  ? "null"
                  : json_quote(routing::name_of(view.cause)))
      .append(R"(,"state_ms":)")
      .append(view.since == SteadyTime() ? "null" : milliseconds(now - view.since))
      .append(R"(,"probe_in_ms":)")
      .append(waits ? milliseconds(std::max(view.open_until - now, SteadyTime::duration(0)))
                    : "null")
      .append(R"(,"in_flight":)")
      .append(std::to_string(view.in_flight))
      .append(R"(,"failures_in_row":)")
      .append(std::to_string(view.failures_in_row))
      .append(R"(,"latency_ms":)")
      .append(known(view.latency))
      .append(R"(,"first_token_ms":)")
      .append(known(view.first_token))
      .append(R"(,"p95_ms":)")
      .append(known(view.p95));
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"total_calls", view.calls},
      {"total_succeeded", view.succeeded},
      {"total_failed", view.failed},
      {"total_rate_limited", view.rate_limited},
      {"total_opened", view.opened},
      {"keys", view.keys},
      {"keys_resting", view.keys_resting},
      {"calls_last_minute", view.calls_last_minute},
      {"calls_per_minute", view.calls_per_minute}};
  for (const auto& [name, count] : counts) {
    json.append(",\"").append(name).append("\":").append(std::to_string(count));
  }
  return json + "}";
}

}  // namespace

Task<Result<edge::Response>> ListTargets::handle(Call) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::vector<TargetView> views = routers_.here().view(now);
  std::ranges::sort(views, {}, [](const TargetView& view) {
    return std::pair<std::string_view, std::string_view>(view.provider, view.target);
  });
  edge::Response response;
  response.body = R"({"object":"list","data":[)";
  for (const TargetView& view : views) {
    response.body.append(response.body.back() == '[' ? "" : ",").append(target_json(view, now));
  }
  response.body.append("]}");
  co_return response;
}

Task<Result<edge::Response>> TurnTarget::handle(Call call) const {
  auto parameters = parse_query(call.http.query);
  if (!parameters) {
    co_return fail(parameters.error());
  }
  for (const char* name : {"provider", "target"}) {
    if (!parameters->contains(name)) {
      co_return fail(invalid_request(
          "'" + std::string(name) + "' is missing: name the target as GET /admin/targets does.",
          name));
    }
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  routing::Router& router = routers_.here();
  const std::string& provider = (*parameters)["provider"];
  const std::string& target = (*parameters)["target"];
  const bool found = to_ == To::Open ? router.hold_open(provider, target, now)
                                     : router.close(provider, target, now);
  if (!found) {
    co_return fail(not_found("There is no target '" + target + "' of a provider '" + provider +
                             "'; GET /admin/targets lists them."));
  }
  edge::Response response;
  for (const TargetView& view : router.view(now)) {
    if (view.provider == provider && view.target == target) {
      response.body = target_json(view, now);
    }
  }
  co_return response;
}

}  // namespace headgate::api
