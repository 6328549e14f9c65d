#include "api/config_endpoints.h"

#include "base/encoding.h"

namespace headgate::api {
namespace {

std::string text_array(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) {
    json.append(json.size() > 1 ? "," : "").append(json_quote(text));
  }
  return json + "]";
}

}  // namespace

Task<Result<edge::Response>> ReloadEndpoint::handle(Call) const {
  auto report = co_await pool_.run([this] { return reload_(); });
  if (!report) {
    co_return fail(report.error());
  }
  if (!*report) {
    Error error = report->error();
    error.kind = ErrorKind::Unprocessable;
    error.code = "invalid_configuration";
    co_return fail(std::move(error));
  }
  edge::Response response;
  response.body = R"({"changed":)" + text_array((*report)->changed) + R"(,"needs_restart":)" +
                  text_array((*report)->needs_restart) + "}";
  co_return response;
}

}  // namespace headgate::api
