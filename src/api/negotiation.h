#pragma once

#include <string_view>

#include "edge/handler.h"

namespace headgate::api {

/// Whether the request's If-None-Match names `etag`, so that 304 is the answer.
bool not_modified(const edge::Request& request, std::string_view etag);

/// Whether the client says that it takes gzip: by name or by the star, and not with weight 0.
bool accepts_gzip(const edge::Request& request);

}  // namespace headgate::api
