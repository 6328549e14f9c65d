#include "api/request_members.h"

#include <charconv>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "api/json_walker.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxModelName = 256;

}  // namespace

Failure missing_member(const std::string& field) {
  Error error = invalid_request("Missing required parameter: '" + field + "'.", field);
  error.code = "missing_required_parameter";
  return fail(std::move(error));
}

Failure wrong_member(const std::string& field, const std::string& wanted) {
  Error error = invalid_request("'" + field + "' must be " + wanted + ".", field);
  error.code = "invalid_type";
  return fail(std::move(error));
}

Result<std::string> decode_model(std::optional<std::string_view> raw) {
  if (!raw) {
    return missing_member("model");
  }
  if (!raw->starts_with('"')) {
    return wrong_member("model", "a string");
  }
  const std::string_view text = raw->substr(1, raw->size() - 2);
  if (text.empty() || text.size() > kMaxModelName) {
    return wrong_member("model", "a string of 1 to 256 characters");
  }
  if (!has_escape(text)) {
    return std::string(text);
  }
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(*raw, ec);
  if (ec || !value.is_string()) {
    return wrong_member("model", "a string");
  }
  return std::string(value.get_string());
}

Result<bool> decode_flag(std::optional<std::string_view> raw, const std::string& field) {
  if (!raw || *raw == "null" || *raw == "false") {
    return false;
  }
  if (*raw == "true") {
    return true;
  }
  return wrong_member(field, "true or false");
}

std::int64_t decode_tokens(std::string_view raw) {
  std::int64_t tokens = 0;
  std::from_chars(raw.data(), raw.data() + raw.size(), tokens);
  return tokens;
}

Result<void> require_whole(std::string_view raw, const std::string& field, std::int64_t least) {
  if (raw == "null") {
    return {};
  }
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (status != std::errc() || end != raw.data() + raw.size()) {
    return wrong_member(field, "a whole number");
  }
  if (value < least) {
    return wrong_member(field, "a whole number of at least " + std::to_string(least));
  }
  return {};
}

bool has_elements(std::string_view raw) {
  return raw.starts_with('[') && raw.find_first_not_of(" \t\r\n", 1) != raw.size() - 1;
}

std::int64_t count_characters(std::string_view raw) {
  if (!raw.starts_with('"')) {
    return 0;
  }
  std::int64_t count = 0;
  constexpr std::size_t kHexDigits = 4;
  for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
    const bool goes_on = (static_cast<unsigned char>(raw[i]) & 0xC0U) == 0x80U;
    count += goes_on ? 0 : 1;
    if (raw[i] == '\\') {
      ++i;
      i += raw[i] == 'u' ? kHexDigits : 0;
    }
  }
  return count;
}

model::Span span_of(std::string_view body, std::string_view part) {
  const auto begin = static_cast<std::size_t>(part.data() - body.data());
  return {begin, begin + part.size()};
}

}  // namespace headgate::api
