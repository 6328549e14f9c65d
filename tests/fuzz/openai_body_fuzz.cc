// JSON bodies: what is accepted must be JSON for Boost.JSON too, and the places found must be
// right.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <boost/json.hpp>

#include "api/openai_request.h"
#include "edge/handler.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  std::string padded(reinterpret_cast<const char*>(data), size);
  padded.append(edge::kBodyPadding, '\0');
  const std::string_view body = std::string_view(padded).substr(0, size);
  const auto request = api::parse_openai_request(model::Kind::Chat, body);
  if (!request) {
    return 0;
  }
  boost::json::parse_options options;
  options.max_depth = 100;
  boost::system::error_code ec;
  const auto value = boost::json::parse(body, ec, {}, options);
  if (ec == boost::json::error::exponent_overflow) {
    return 0;  // a number beyond a double is still JSON; only its reader minds
  }
  if (ec || !value.is_object()) {
    std::abort();
  }
  const auto& object = value.get_object();
  const auto* model = object.if_contains("model");
  if (model == nullptr || !model->is_string() || model->get_string() != request->model) {
    std::abort();
  }
  return 0;
}
