#include "api/health_page.h"

#include <algorithm>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/signal.h"

namespace headgate::api {
namespace {

using Status = EndpointHealth::Status;

// A look that has not come back by then is given up, and another may begin.
constexpr std::chrono::seconds kLongestLook{10};
// Who asks before the first report exists comes back this often, this many times.
constexpr std::chrono::milliseconds kPoll{50};
constexpr int kPolls = 100;

std::string_view name_of(Status status) {
  switch (status) {
    case Status::Healthy:
      return "healthy";
    case Status::Idle:
      return "idle";
    case Status::Unhealthy:
      return "unhealthy";
    case Status::Unreachable:
      break;
  }
  return "unreachable";
}

std::string_view name_of(Health health) {
  switch (health) {
    case Health::Healthy:
      return "healthy";
    case Health::Degraded:
      return "degraded";
    case Health::Unhealthy:
      break;
  }
  return "unhealthy";
}

std::string_view name_of(HealthReport::Gateway gateway) {
  switch (gateway) {
    case HealthReport::Gateway::Healthy:
      return "healthy";
    case HealthReport::Gateway::Overloaded:
      return "overloaded";
    case HealthReport::Gateway::Draining:
      break;
  }
  return "draining";
}

std::string_view name_of(HealthCheck::Outcome outcome) {
  switch (outcome) {
    case HealthCheck::Outcome::Passed:
      return "healthy";
    case HealthCheck::Outcome::Impaired:
      return "degraded";
    case HealthCheck::Outcome::Failed:
      break;
  }
  return "unhealthy";
}

bool down(const EndpointHealth& endpoint) {
  return endpoint.status == Status::Unhealthy || endpoint.status == Status::Unreachable;
}

std::string endpoint_json(const EndpointHealth& endpoint) {
  std::string json = R"({"status":)" + json_quote(name_of(endpoint.status)) + R"(,"workers":)";
  if (endpoint.workers.empty()) {
    json.append("null");
  } else {
    json.push_back('{');
    for (const auto& [state, count] : endpoint.workers) {
      json.append(json.back() == '{' ? "" : ",").append(json_quote(state));
      json.append(":").append(std::to_string(count));
    }
    json.push_back('}');
  }
  json.append(R"(,"error":)");
  json.append(endpoint.error.empty() ? "null" : json_quote(endpoint.error));
  if (!endpoint.breakers.empty()) {
    json.append(R"(,"breakers":{)");
    for (const auto& [target, state] : endpoint.breakers) {
      json.append(json.back() == '{' ? "" : ",").append(json_quote(target));
      json.append(":").append(json_quote(state));
    }
    json.push_back('}');
  }
  return json + "}";
}

edge::Response response_of(int status, std::string body) {
  edge::Response response;
  response.status = status;
  response.add_field("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

}  // namespace

Health judge(const HealthReport& report) {
  using enum HealthCheck::Outcome;
  const auto has_check = [&](HealthCheck::Outcome outcome) {
    return std::ranges::find(report.checks, outcome, &HealthCheck::outcome) != report.checks.end();
  };
  const bool all_down = !report.endpoints.empty() && std::ranges::all_of(report.endpoints, down);
  if (has_check(Failed) || all_down) {
    return Health::Unhealthy;
  }
  const bool whole = report.gateway == HealthReport::Gateway::Healthy && !has_check(Impaired);
  return !whole || std::ranges::any_of(report.endpoints, down) ? Health::Degraded : Health::Healthy;
}

/// A look under way: ends, also when its coroutine is destroyed, so that others get their turn.
class HealthEndpoint::Look final {
 public:
  explicit Look(const HealthEndpoint& owner) : owner_(owner) {}
  ~Look() {
    const std::lock_guard lock(owner_.mutex_);
    owner_.looking_since_.reset();
  }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;

 private:
  const HealthEndpoint& owner_;
};

HealthEndpoint::Turn HealthEndpoint::take_turn(std::optional<Answer>& answer) const {
  const SteadyTime now = clock_.steady();
  const std::lock_guard lock(mutex_);
  const bool looking = looking_since_ && now - *looking_since_ < kLongestLook;
  if (answer_ && (looking || now - answer_->made < kFresh)) {
    answer = answer_;
    return Turn::Ready;
  }
  if (looking) {
    return Turn::Wait;
  }
  looking_since_ = now;
  return Turn::Look;
}

std::string HealthEndpoint::render(const HealthReport& report) const {
  std::string json = R"({"status":)" + json_quote(name_of(judge(report))) + R"(,"timestamp":")" +
                     rfc3339(unix_ms(clock_)) + R"(","version":)" + json_quote(version_) +
                     R"(,"gateway":")" + std::string(name_of(report.gateway)) + R"(","checks":{)";
  for (const HealthCheck& check : report.checks) {
    json.append(json.back() == '{' ? "" : ",").append(json_quote(check.name));
    json.append(":").append(json_quote(name_of(check.outcome)));
  }
  json.append(R"(},"endpoints":{)");
  for (const EndpointHealth& endpoint : report.endpoints) {
    json.append(json.back() == '{' ? "" : ",").append(json_quote(endpoint.name));
    json.append(":").append(endpoint_json(endpoint));
  }
  return json + "}}";
}

Task<Result<edge::Response>> HealthEndpoint::handle(Call) const {
  std::optional<Answer> answer;
  Turn turn = take_turn(answer);
  for (int poll = 0; turn == Turn::Wait && poll < kPolls; ++poll) {
    co_await sleep_for(kPoll);
    turn = take_turn(answer);
  }
  if (turn == Turn::Wait) {
    co_return fail(overloaded("The gateway's health is not known yet.", kFresh));
  }
  if (turn == Turn::Look) {
    const Look look(*this);
    const HealthReport report = co_await source_.check();
    answer = Answer{.status = judge(report) == Health::Unhealthy ? 503 : 200,
                    .body = render(report),
                    .made = clock_.steady()};
    const std::lock_guard lock(mutex_);
    answer_ = answer;
  }
  co_return response_of(answer->status, std::move(answer->body));
}

}  // namespace headgate::api
