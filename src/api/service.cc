#include "api/service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "api/anthropic_request.h"
#include "api/caller_deadline.h"
#include "api/control_fields.h"
#include "api/errors.h"
#include "api/prefer.h"
#include "api/settled_answer.h"
#include "limits/pricing.h"

namespace headgate::api {
namespace {

/// Of the routes that OpenAI and Anthropic have both, a header field says whose is meant.
Surface surface_of(const Route& route, const edge::Request& head) {
  const bool both_have = route.pattern.starts_with("/v1/models");
  return both_have && speaks_anthropic(head) ? Surface::Anthropic : route.surface;
}

Surface surface_for(const Router& router, const edge::Request* head) {
  if (head == nullptr) {
    return Surface::Classic;
  }
  const auto match = router.find(head->method, head->path);
  return match ? surface_of(*match->route, *head) : surface_of_path(head->path);
}

bool only_for_admins(std::string_view pattern) {
  return pattern.starts_with("/admin") || pattern == "/metrics";
}

Result<void> take_priority(std::string_view name, model::RequestContext& context) {
  const auto priority = model::priority_named(ascii_lower(name));
  if (!priority || *priority == model::Priority::Batch) {
    return fail(invalid_request("X-Priority must be high, normal or low.", "X-Priority"));
  }
  context.priority = *priority;
  return {};
}

/// An answer whose limits are held until its last byte is out.
class HeldStream final : public edge::BodyStream {
 public:
  HeldStream(std::unique_ptr<edge::BodyStream> inner, std::shared_ptr<void> permit)
      : permit_(std::move(permit)), inner_(std::move(inner)) {}
  Task<Result<std::string_view>> next() override { return inner_->next(); }

 private:
  std::shared_ptr<void> permit_;  // shared with nobody by now; dies after the stream
  std::unique_ptr<edge::BodyStream> inner_;
};

Task<Result<edge::Response>> failed(Error error) { co_return fail(std::move(error)); }

}  // namespace

Service::Service(Parts parts) : parts_(std::move(parts)), router_(parts_.routes) {}

Result<void> Service::check_access(const Route& route, const edge::Request& head,
                                   model::RequestContext& context) const {
  if (std::holds_alternative<Public>(route.auth)) {
    return {};
  }
  const bool open_metrics = route.pattern == "/metrics" && context.admin_listener;
  if (open_metrics) {
    return {};
  }
  const SteadyTime before = std::chrono::steady_clock::now();
  auto principal = parts_.authenticator->authenticate(head, context);
  context.auth_time = std::chrono::steady_clock::now() - before;
  if (!principal) {
    return fail(principal.error());
  }
  context.principal = std::move(*principal);
  if (const auto* scope = std::get_if<model::Scope>(&route.auth);
      scope != nullptr && !context.principal->scopes.allows(*scope)) {
    return fail(forbidden("This needs the scope " + std::string(model::name_of(*scope)) + "."));
  }
  return {};
}

edge::Response Service::refusal(const Error& error, Surface surface,
                                model::RequestContext& context) const {
  edge::Response response = error_response(error, surface, context);
  if (context.principal) {
    parts_.admission->add_limits(context, response.fields);
  }
  return response;
}

std::expected<edge::BodyPolicy, edge::Response> Service::admit(
    const edge::Request& head, model::RequestContext& context) const {
  auto match = router_.find(head.method, head.path);
  if (!match) {
    edge::Response response = error_response(match.error(), surface_of_path(head.path), context);
    if (match.error().kind == ErrorKind::MethodNotAllowed) {
      response.add_field("Allow", router_.allowed(head.path));
    }
    return std::unexpected(std::move(response));
  }
  const Route& route = *match->route;
  const Surface surface = surface_of(route, head);
  context.route = route.pattern;
  context.kind = route.kind;
  if (parts_.admin_elsewhere && !context.admin_listener && only_for_admins(route.pattern)) {
    return std::unexpected(
        error_response(not_found("There is no such path here.", "unknown_url"), surface, context));
  }
  auto access = check_access(route, head, context);
  if (!access) {
    return std::unexpected(refusal(access.error(), surface, context));
  }
  const bool takes_body = head.method != edge::Method::Get && head.method != edge::Method::Head;
  const std::uint64_t limit = route.max_body != 0 ? route.max_body : parts_.max_body();
  return edge::BodyPolicy{takes_body ? limit : 64 << 10};
}

Task<edge::Response> Service::handle(const edge::Request& request,
                                     model::RequestContext& context) const {
  auto match = router_.find(request.method, request.path);
  if (!match) {
    co_return error_response(match.error(), surface_of_path(request.path), context);
  }
  const Route& route = *match->route;
  const Surface surface = surface_of(route, request);
  auto controls = read_control_fields(request);
  if (!controls) {
    co_return refusal(controls.error(), surface, context);
  }
  context.cache_wish = controls->cache;
  std::string limit_fields;
  std::shared_ptr<void> permit;
  if (context.principal) {
    auto admitted = parts_.admission->admit(request, context, limit_fields);
    if (!admitted) {
      edge::Response refused = error_response(admitted.error(), surface, context);
      refused.fields.append(limit_fields);
      co_return refused;
    }
    permit = std::move(*admitted);
  }
  auto result = co_await answer(route, Call{request, context, match->values}, *controls);
  edge::Response response =
      result ? std::move(*result) : error_response(result.error(), surface, context);
  response.fields.append(limit_fields);
  if (result && surface == Surface::Anthropic) {
    response.add_field("request-id", context.request_id);
  }
  if (context.spending && result) {
    co_await settle_answer(response, context);
  } else if (context.spending) {
    co_await context.spending->settle(model::end_of_failure(result.error().kind));
  }
  const bool cost_is_known = !response.stream || context.cache == model::CacheOutcome::Hit;
  if (result && cost_is_known && !route.kind.empty()) {
    if (const auto cost = parts_.admission->cost_of(context)) {
      response.add_field("x-headgate-cost", limits::usd_text(*cost));
    }
  }
  if (response.stream && permit) {
    response.stream = std::make_unique<HeldStream>(std::move(response.stream), std::move(permit));
  }
  co_return response;
}

Task<Result<edge::Response>> Service::answer(const Route& route, const Call& call,
                                             const ControlFields& controls) const {
  if (route.kind.empty()) {
    return route.endpoint->handle(call);
  }
  if (controls.priority) {
    auto known = take_priority(*controls.priority, call.context);
    if (!known) {
      return failed(known.error());
    }
  }
  // What is a job anyway claims its key with the job.
  if (route.endpoint->queueing(call.http) != Queueing::IfPreferred) {
    return route.endpoint->handle(call);
  }
  if (controls.prefers) {
    auto preference = parse_prefer(call.http);
    if (!preference) {
      return failed(preference.error());
    }
    if (preference->respond_async) {
      return parts_.jobs->make_job(route, call);
    }
  }
  if (controls.request_timeout) {
    auto deadline = take_request_timeout(*controls.request_timeout, call.context);
    if (!deadline) {
      return failed(deadline.error());
    }
  }
  if (controls.webhook_url) {
    return failed(webhook_needs_job("X-Webhook-URL"));
  }
  if (controls.idempotency_key) {
    return parts_.idempotency->answer(*route.endpoint, call);
  }
  return route.endpoint->handle(call);
}

edge::Response Service::refuse(const Error& error, const edge::Request* head,
                               model::RequestContext& context) const {
  return refusal(error, surface_for(router_, head), context);
}

void Service::finished(const edge::Request* head, int status, std::uint64_t bytes_out,
                       model::RequestContext& context) const {
  context.slot.reset();
  context.spending.reset();  // of an answer that nobody waited for
  parts_.finished(head, status, bytes_out, context);
}

}  // namespace headgate::api
