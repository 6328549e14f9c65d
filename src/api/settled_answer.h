#pragma once

#include "base/task.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::api {

/// Settles what an answer cost by `context.spending`, which is set, or lets its stream do so: the
/// last byte waits until that is done. Where that byte cannot be known beforehand, the end of the
/// answer waits. `context` outlives the stream.
Task<void> settle_answer(edge::Response& response, model::RequestContext& context);

}  // namespace headgate::api
