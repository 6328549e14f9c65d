#pragma once

#include <string_view>

#include "base/result.h"
#include "edge/handler.h"
#include "model/inference_request.h"
#include "model/request_context.h"

namespace headgate::api {

// The caller's own deadline. It only shortens ours.

/// X-Request-Timeout: seconds, or a time with its unit, for the whole answer. InvalidRequest if it
/// is none above 0.
Result<void> take_request_timeout(std::string_view text, model::RequestContext& context);

/// X-Stainless-Timeout and X-Stainless-Read-Timeout, which vendors' SDKs add by themselves: how
/// long they wait for the head of an answer. A stream's is sent early, so only a whole answer is
/// limited; what cannot be read counts for nothing.
void take_sdk_timeout(const edge::Request& http, model::Delivery delivery,
                      model::RequestContext& context);

}  // namespace headgate::api
