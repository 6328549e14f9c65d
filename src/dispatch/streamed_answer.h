#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/attempts.h"
#include "edge/handler.h"

namespace headgate::dispatch {

/// The streamed answer to `attempts`, whose first target is chosen. Returns with the first token,
/// or when the line has been silent so long that the client must hear something.
///
/// Until the first token a call that fails is replaced by another, unseen. After it another call
/// goes on where the answer broke off, if that can be; else an error event follows, never a proper
/// end. A job is told of it by value: nobody reads its answer as it comes.
Task<Result<edge::Response>> answer_streamed(std::unique_ptr<Attempts> attempts);

/// How long a stream may be silent before a ping keeps the line open.
inline constexpr std::chrono::seconds kPingAfter{15};

}  // namespace headgate::dispatch
