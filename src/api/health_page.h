#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/route.h"
#include "base/clock.h"

namespace headgate::api {

/// How one provider is doing.
struct EndpointHealth {
  enum class Status : std::uint8_t { Healthy, Idle, Unhealthy, Unreachable };
  std::string name;
  Status status = Status::Healthy;
  std::vector<std::pair<std::string, std::uint64_t>> workers;  ///< e.g. {"idle", 2}; may be empty
  std::string error;                                           ///< safe to show; may be empty
  /// Of its targets: the name and the breaker's state, e.g. {"tiny", "closed"}; may be empty.
  std::vector<std::pair<std::string, std::string>> breakers{};
};

/// One part of the gateway that works, works in part or does not: "store", "jobs".
struct HealthCheck {
  enum class Outcome : std::uint8_t { Passed, Impaired, Failed };
  std::string name;
  Outcome outcome = Outcome::Passed;
};

struct HealthReport {
  enum class Gateway : std::uint8_t { Healthy, Overloaded, Draining };
  Gateway gateway = Gateway::Healthy;
  std::vector<HealthCheck> checks;
  std::vector<EndpointHealth> endpoints;
};

enum class Health : std::uint8_t { Healthy, Degraded, Unhealthy };

/// Unhealthy if a check failed or every endpoint is down, degraded if a check is impaired, an
/// endpoint is down, or the gateway drains or is overloaded.
Health judge(const HealthReport& report);

/// What GET /health asks. Serves all event loops.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  /// Looks at everything, within a few seconds and without holding the event loop. What cannot be
  /// looked at is a failed check or an unreachable endpoint, not an error.
  virtual Task<HealthReport> check() const = 0;
};

/// GET /health: 200 while healthy or degraded, 503 when unhealthy. A report serves everyone for two
/// seconds, and one look is under way at a time, so that probes cannot stampede upstreams.
class HealthEndpoint final : public Endpoint {
 public:
  static constexpr std::chrono::seconds kFresh{2};

  /// Borrows `source` and `clock`.
  HealthEndpoint(const HealthSource& source, const Clock& clock, std::string version)
      : source_(source), clock_(clock), version_(std::move(version)) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  struct Answer {
    int status;
    std::string body;
    SteadyTime made;
  };
  class Look;
  enum class Turn : std::uint8_t { Look, Wait, Ready };
  Turn take_turn(std::optional<Answer>& answer) const;
  std::string render(const HealthReport& report) const;

  const HealthSource& source_;
  const Clock& clock_;
  const std::string version_;
  mutable std::mutex mutex_;
  mutable std::optional<Answer> answer_;             // guarded by mutex_
  mutable std::optional<SteadyTime> looking_since_;  // guarded by mutex_
};

}  // namespace headgate::api
