#include "stores/webhook_store.h"

#include "base/encoding.h"

namespace headgate::stores {

std::string webhook_host(const std::string& url) {
  std::string_view rest = url;
  const auto scheme = rest.find("://");
  rest.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  const auto literal_end = rest.starts_with('[') ? rest.find(']') : 0;
  return ascii_lower(rest.substr(0, rest.find(':', literal_end)));
}

std::string webhook_body(model::JobState state, std::int64_t ended_at, std::string_view job_json) {
  std::string body = R"({"type":"job.)";
  body.append(model::name_of(state));
  body.append(R"(","timestamp":")").append(rfc3339(ended_at)).append(R"(","data":)");
  body.append(job_json).append("}");
  return body;
}

}  // namespace headgate::stores
