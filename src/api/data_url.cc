#include "api/data_url.h"

#include <algorithm>

#include "base/encoding.h"

namespace headgate::api {

Result<std::string> decode_data_url(std::string_view url, std::uint64_t max_bytes) {
  const auto bad = [](std::string why) {
    Error error = invalid_request("A data URL " + why, "image_urls");
    error.code = "invalid_data_url";
    return fail(std::move(error));
  };
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kBase64 = ";base64";
  if (!ascii_equal_ignore_case(url.substr(0, kScheme.size()), kScheme)) {
    return bad("must start with data:");
  }
  url.remove_prefix(kScheme.size());
  const std::size_t comma = url.substr(0, 256).find(',');
  if (comma == std::string_view::npos) {
    return bad("needs a comma before its data.");
  }
  if (!ascii_lower(url.substr(0, comma)).ends_with(kBase64)) {
    return bad("must be in base64: data:<type>;base64,<data>");
  }
  std::string_view text = url.substr(comma + 1);
  if (text.size() / 4 * 3 > max_bytes + 3) {
    return fail(
        too_large("A file is larger than the limit of " + std::to_string(max_bytes) + " bytes."));
  }
  std::string unescaped;
  if (text.find('%') != std::string_view::npos) {
    auto decoded = decode_percent(text, PercentMode::Url);
    if (!decoded) {
      return bad("holds a malformed percent escape.");
    }
    unescaped = std::move(*decoded);
    text = unescaped;
  }
  auto bytes = decode_base64(text);
  if (!bytes) {
    return bad("is not valid base64 (with padding, without spaces).");
  }
  if (bytes->empty()) {
    return bad("holds no data.");
  }
  if (bytes->size() > max_bytes) {
    return fail(
        too_large("A file is larger than the limit of " + std::to_string(max_bytes) + " bytes."));
  }
  return std::move(*bytes);
}

}  // namespace headgate::api
