#pragma once

#include <cstddef>

#include "base/result.h"
#include "base/task.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::api {

/// The most of a plain answer that is kept here, so that its head can tell what it cost.
inline constexpr std::size_t kMostKept = 256U << 10U;

/// Reads a plain JSON answer to its end, into its body. One that is larger than kMostKept, or an
/// answer of events, goes on as a stream. `context` pays for what breaks off.
Task<Result<void>> read_whole(edge::Response& response, model::RequestContext& context);

/// Whether read_whole() has anything to do.
inline bool may_be_read(const edge::Response& response, const model::RequestContext& context) {
  return response.stream && !context.streamed && response.content_type == "application/json" &&
         response.stream_length.value_or(0) <= kMostKept;
}

}  // namespace headgate::api
