#include "api/health.h"

namespace headgate::api {

Task<Result<edge::Response>> ReadyEndpoint::handle(Call) const {
  edge::Response response;
  switch (readiness_.load(std::memory_order_relaxed)) {
    case Readiness::Ready:
      response.body = R"({"status":"ready"})";
      break;
    case Readiness::Starting:
      response.status = 503;
      response.body = R"({"status":"starting"})";
      break;
    case Readiness::Draining:
      response.status = 503;
      response.body = R"({"status":"draining"})";
      break;
  }
  if (details_) {
    response.body.pop_back();
    response.body.append(R"(,"details":)").append(details_()).append("}");
  }
  co_return response;
}

Task<Result<edge::Response>> TextEndpoint::handle(Call) const {
  edge::Response response;
  response.content_type = content_type_;
  response.body = make_();
  co_return response;
}

}  // namespace headgate::api
