#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "edge/handler.h"
#include "model/principal.h"
#include "model/request_context.h"

namespace headgate::api {

/// What an endpoint gets: the request, its context and the decoded {placeholders} of the path.
struct Call {
  const edge::Request& http;
  model::RequestContext& context;
  std::span<const std::string> path_values;  ///< in the order of the pattern
};

/// What a request asks of a model's line.
struct JobPlan {
  std::string model;  ///< public name
  std::uint32_t work = 1;
};

/// Who makes a job of a request.
enum class Queueing : std::uint8_t {
  IfPreferred,  ///< the service, if the client prefers to be answered by a job
  ByEndpoint,   ///< the endpoint itself: it makes a job of every request, or of none
};

/// Answers one route: decode, ask, encode. Stateless towards requests; serves all event loops.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual Task<Result<edge::Response>> handle(Call call) const = 0;
  virtual Queueing queueing(const edge::Request& /*request*/) const {
    return Queueing::IfPreferred;
  }
  /// What `request` would ask for as a job, or what is wrong with it. The route must be one of
  /// inference.
  virtual Result<JobPlan> plan(const edge::Request& request) const {
    return fail(invalid_request("This route cannot run as a job: " + std::string(request.path)));
  }
};

/// Anyone may call the route. Said out loud: the `auth` column has no default.
struct Public {};
/// Any authenticated principal.
struct Authenticated {};
using RouteAuth = std::variant<Public, Authenticated, model::Scope>;

/// How errors look on a route (api.md §3).
enum class Surface : std::uint8_t {
  OpenAi,     ///< {"error":{...}}
  Anthropic,  ///< {"type":"error","error":{...}}
  Classic,    ///< {"error":{...},"detail":...}: /auth, /api/*, /admin, /v1/classify, /v1/extract
  TaskApi,    ///< /api/v1/*: SCREAMING_SNAKE codes
};

/// One row of the route table.
struct Route {
  edge::Method method;
  std::string_view pattern;  ///< "/v1/models/{id}"; a last "{id...}" takes the rest, slashes too
  RouteAuth auth;
  Surface surface;
  std::string_view kind;             ///< inference kind for metrics and logs, or empty
  std::string_view tag;              ///< group in the OpenAPI document
  std::string_view summary;          ///< one line for the OpenAPI document
  std::string_view request_schema;   ///< name in components.schemas, or empty: no body
  std::string_view response_schema;  ///< name in components.schemas, or empty: not JSON
  const Endpoint* endpoint;
  std::uint64_t max_body = 0;  ///< 0: server.max_body_size
};

}  // namespace headgate::api
