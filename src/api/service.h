#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "api/control_fields.h"
#include "api/idempotency.h"
#include "api/route.h"
#include "api/router.h"
#include "edge/handler.h"

namespace headgate::api {

/// Who is asking, from the credentials of a request. Thread safe; must not block.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// The principal, or Unauthenticated, or InvalidRequest for credentials that contradict each
  /// other.
  virtual Result<std::shared_ptr<const model::Principal>> authenticate(
      const edge::Request& request, const model::RequestContext& context) const = 0;
};

/// Lets a request run, or says 429 or 402. Thread safe; must not block.
class Admission {
 public:
  virtual ~Admission() = default;
  /// Takes what the principal's limits and budgets allow, in one step, and adds rate-limit header
  /// lines to `fields`; what is returned gives concurrency back when it dies. Of a request without
  /// a kind only the route's own limits are taken. Sets `context.spending` if tokens or money are
  /// limited.
  virtual Result<std::shared_ptr<void>> admit(const edge::Request& request,
                                              model::RequestContext& context,
                                              std::string& fields) const = 0;
  /// Adds the same header lines, of what is left, without taking anything.
  virtual void add_limits(const model::RequestContext& context, std::string& fields) const = 0;
  /// For a job that begins to run: takes only what it may cost. Always sets `context.spending`,
  /// which counts what it uses.
  virtual Result<void> admit_job(std::string_view body, model::RequestContext& context) const = 0;
  /// What an answer has cost, in millionths of a dollar; nullopt if that is not known (yet). A kept
  /// one costs nothing.
  virtual std::optional<std::int64_t> cost_of(const model::RequestContext& context) const = 0;
};

/// Makes a job of a request. Thread safe.
class JobMaker {
 public:
  virtual ~JobMaker() = default;
  /// The answer to a request of an inference route that asked for a job.
  virtual Task<Result<edge::Response>> make_job(const Route& route, Call call) const = 0;
};

/// Told of every request when its answer has been sent.
using Finished = std::function<void(const edge::Request* head, int status, std::uint64_t bytes_out,
                                    model::RequestContext& context)>;

/// The requests' way from the edge to their endpoints: route, credentials, scope, limits, endpoint,
/// and errors in the shape of the route's surface.
class Service final : public edge::Handler {
 public:
  struct Parts {
    std::span<const Route> routes;
    const Authenticator* authenticator;
    const Admission* admission;
    const JobMaker* jobs;
    const Idempotency* idempotency;
    Finished finished;
    /// server.max_body_size, which a reload may change.
    std::function<std::uint64_t()> max_body;
    /// Whether /admin and /metrics answer only on a listener of their own.
    bool admin_elsewhere = false;
  };
  /// Borrows what `parts` points to.
  explicit Service(Parts parts);

  std::expected<edge::BodyPolicy, edge::Response> admit(
      const edge::Request& head, model::RequestContext& context) const override;
  Task<edge::Response> handle(const edge::Request& request,
                              model::RequestContext& context) const override;
  edge::Response refuse(const Error& error, const edge::Request* head,
                        model::RequestContext& context) const override;
  void finished(const edge::Request* head, int status, std::uint64_t bytes_out,
                model::RequestContext& context) const override;

 private:
  Task<Result<edge::Response>> answer(const Route& route, const Call& call,
                                      const ControlFields& controls) const;
  /// The answer for an error; who is known is told the state of its limits.
  edge::Response refusal(const Error& error, Surface surface, model::RequestContext& context) const;
  Result<void> check_access(const Route& route, const edge::Request& head,
                            model::RequestContext& context) const;

  Parts parts_;
  Router router_;
};

}  // namespace headgate::api
