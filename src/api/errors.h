#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/route.h"
#include "base/error.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::api {

/// The answer that tells of `error` in the way of `surface` (api.md §3), with Retry-After,
/// WWW-Authenticate and x-should-retry where they belong. Notes code and detail in the context.
edge::Response error_response(const Error& error, Surface surface, model::RequestContext& context);

/// As error_response on the classic surface, but with `detail_json` as the member `detail`.
edge::Response classic_error(const Error& error, std::string_view detail_json,
                             model::RequestContext& context);

/// The `error` object as answers on `surface` hold it; `when` in Unix milliseconds.
std::string error_object(const Error& error, Surface surface, std::string_view request_id,
                         std::int64_t when);

/// A call that is answered at once named a webhook by `field`: only the end of a job is told to
/// one.
Error webhook_needs_job(const std::string& field);

/// The surface of a path that matches no route.
Surface surface_of_path(std::string_view path);

}  // namespace headgate::api
