#include "api/json_body.h"

#include <algorithm>

#include "api/json_walker.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

class Nobody final : public JsonVisitor {
 public:
  void member(const JsonMember&) override {}
  void inner_member(const JsonMember&) override {}
};

}  // namespace

Result<boost::json::object> parse_json_body(const edge::Request& request) {
  const std::string_view type = request.field("content-type").value_or("");
  if (!is_media_type(type, "application/json")) {
    Error error = invalid_request("The body must be JSON, with Content-Type: application/json.");
    error.kind = ErrorKind::Unsupported;
    return fail(std::move(error));
  }
  Nobody nobody;
  auto checked = walk_json(request.body, nobody);
  if (!checked) {
    return fail(checked.error());
  }
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::system::error_code ec;
  boost::json::value value = boost::json::parse(request.body, ec, {}, options);
  if (ec || !value.is_object()) {
    return fail(invalid_request("The request body is not valid JSON: " + ec.message()));
  }
  return std::move(value.get_object());
}

Result<std::optional<std::string>> optional_text(const boost::json::object& object,
                                                 std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) {
    return std::optional<std::string>();
  }
  if (!value->is_string()) {
    return fail(
        invalid_request("'" + std::string(name) + "' must be a string.", std::string(name)));
  }
  return std::optional(std::string(value->get_string()));
}

Result<void> refuse_unknown(const boost::json::object& object,
                            std::initializer_list<std::string_view> known) {
  for (const auto& member : object) {
    const std::string_view name = member.key();
    if (std::ranges::find(known, name) == known.end()) {
      std::string allowed;
      for (const std::string_view one : known) {
        allowed.append(allowed.empty() ? "" : ", ").append(one);
      }
      return fail(invalid_request(
          "There is no field '" + std::string(name) + "' here; fields are: " + allowed,
          std::string(name)));
    }
  }
  return {};
}

}  // namespace headgate::api
