#include "api/metrics_page.h"

#include <utility>

namespace headgate::api {

Task<Result<edge::Response>> MetricsEndpoint::handle(Call) const {
  auto text = co_await pool_.run([this] { return metrics_.scrape(); });
  if (!text) {
    co_return fail(text.error());
  }
  edge::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(*text);
  co_return response;
}

}  // namespace headgate::api
