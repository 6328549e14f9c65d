#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate::api {

/// The bytes of a `data:` URL (RFC 2397) in base64; its media type is not believed. InvalidRequest
/// for anything else, TooLarge if it decodes to more than `max_bytes`. Percent escapes of '+', '/'
/// and '=' are taken.
Result<std::string> decode_data_url(std::string_view url, std::uint64_t max_bytes);

}  // namespace headgate::api
