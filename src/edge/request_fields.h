#pragma once

#include "config/settings.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::edge {

/// Fills the context from request fields: the caller's x-request-id if it is up to 128 visible
/// ASCII characters, else a new UUIDv7; traceparent; X-Client-ID. Of an x-request-id or traceparent
/// that is repeated with another value, none is taken.
void take_request_fields(const Request& request, model::RequestContext& context);

}  // namespace headgate::edge
