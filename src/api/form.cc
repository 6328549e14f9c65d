#include "api/form.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxFields = 32;

}  // namespace

Result<std::map<std::string, std::string>> parse_query(std::string_view text) {
  std::map<std::string, std::string> fields;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) {
      continue;
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode_percent(pair.substr(0, equals), PercentMode::Form);
    auto value = decode_percent(pair.substr(std::min(equals + 1, pair.size())), PercentMode::Form);
    if (!name || !value || !is_utf8(*name) || !is_utf8(*value)) {
      return fail(invalid_request("A form field holds a malformed percent escape."));
    }
    if (fields.size() == kMaxFields) {
      return fail(invalid_request("There are more than 32 form fields."));
    }
    if (!fields.emplace(*name, std::move(*value)).second) {
      return fail(invalid_request("The field '" + *name + "' is given more than once.", *name));
    }
  }
  return fields;
}

Result<std::map<std::string, std::string>> parse_form(const edge::Request& request) {
  if (!is_media_type(request.field("content-type").value_or(""),
                     "application/x-www-form-urlencoded")) {
    Error error = invalid_request("The body must be a form: application/x-www-form-urlencoded.");
    error.kind = ErrorKind::Unsupported;
    return fail(std::move(error));
  }
  return parse_query(request.body);
}

}  // namespace headgate::api
