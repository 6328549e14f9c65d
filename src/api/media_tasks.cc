#include "api/media_tasks.h"

#include <cstdint>
#include <utility>

#include <boost/json.hpp>

#include "api/json_body.h"
#include "api/prefer.h"
#include "api/request_members.h"
#include "api/task_api.h"

namespace headgate::api {
namespace {

namespace json = boost::json;
using model::Kind;

constexpr std::int64_t kUsualSide = 1024;
constexpr std::int64_t kLongestSide = 16'384;

/// Takes a side's length out of a task.
Result<std::int64_t> take_side(json::object& body, const std::string& name) {
  const json::value* given = body.if_contains(name);
  if (given == nullptr || given->is_null()) {
    body.erase(name);
    return kUsualSide;
  }
  if (!given->is_int64() || given->get_int64() < 1 || given->get_int64() > kLongestSide) {
    return wrong_member(name, "a whole number from 1 to 16384");
  }
  const std::int64_t side = given->get_int64();
  body.erase(name);
  return side;
}

void rename(json::object& body, std::string_view from, std::string_view to) {
  json::value* const given = body.if_contains(from);
  if (given == nullptr) {
    return;
  }
  json::value value = std::move(*given);
  body.erase(from);
  if (!value.is_null()) {
    body[to] = std::move(value);
  }
}

json::array models_that_do(const routing::Catalog& catalog, Kind kind) {
  json::array names;
  for (const auto& model : catalog.models()) {
    if (routing::serves(*model, kind)) {
      names.emplace_back(model->name);
    }
  }
  return names;
}

}  // namespace

Result<std::string> make_image_body(const json::object& task) {
  auto prompt = required_text(task, "prompt");
  if (!prompt) {
    return fail(prompt.error());
  }
  json::object body = task;
  const bool sized = body.contains("size");
  if (sized && (body.contains("width") || body.contains("height"))) {
    return fail(invalid_request("'size' and 'width' or 'height' say the same twice.", "size"));
  }
  auto width = take_side(body, "width");
  if (!width) {
    return fail(width.error());
  }
  auto height = take_side(body, "height");
  if (!height) {
    return fail(height.error());
  }
  if (!sized) {
    body["size"] = std::to_string(*width) + "x" + std::to_string(*height);
  }
  rename(body, "steps", "num_inference_steps");
  return json::serialize(body);
}

Result<std::string> make_speech_body(const json::object& task) {
  auto text = required_text(task, "text");
  if (!text) {
    return fail(text.error());
  }
  if (task.contains("input")) {
    return fail(invalid_request("'input' is called 'text' here.", "input"));
  }
  json::object body = task;
  rename(body, "text", "input");
  return json::serialize(body);
}

Task<Result<edge::Response>> GenerateMedia::handle(Call call) const {
  auto preference = parse_prefer(call.http);
  if (!preference) {
    co_return fail(preference.error());
  }
  auto task = parse_json_body(call.http);
  if (!task) {
    co_return fail(task.error());
  }
  auto name = required_text(*task, "model");
  if (!name) {
    co_return fail(name.error());
  }
  const bool image = what_ == What::Image;
  const Kind kind = image ? Kind::Image : Kind::Speech;
  const std::shared_ptr<const routing::Catalog> catalog = catalogs_.here();
  auto model = catalog->find(*name);
  if (!model || !routing::serves(**model, kind)) {
    Error error = model ? invalid_request("The model '" + *name + "' does not " +
                                          (image ? "generate images." : "turn text into speech."))
                        : model.error();
    co_return fail(invalid_model(std::move(error), *name, models_that_do(*catalog, kind)));
  }
  auto body = image ? make_image_body(*task) : make_speech_body(*task);
  if (!body) {
    co_return fail(body.error());
  }
  auto accepted = co_await submission_.submit(
      call, carrier_, image ? "/v1/images/generations" : "/v1/audio/speech", model::name_of(kind),
      std::move(*body), "application/json");
  if (!accepted) {
    co_return fail(accepted.error());
  }
  co_return told_response(std::move(*accepted), *preference,
                          [](const AcceptedJob& told) { return task_json(told.job, told.result); });
}

}  // namespace headgate::api
