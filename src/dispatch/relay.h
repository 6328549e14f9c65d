#pragma once

#include <memory>

#include "dispatch/attempt.h"
#include "edge/handler.h"

namespace headgate::dispatch {

/// The body of a whole answer, passed on as it arrives; reads its usage when it is through.
std::unique_ptr<edge::BodyStream> relay_whole(std::unique_ptr<Attempt> attempt);

/// A streamed answer, passed on event by event, with `: ping` comments while it is silent. Also
/// takes an attempt whose head has not come yet. A failure after the first byte becomes an error
/// event without `[DONE]`; a job is told of it by value.
std::unique_ptr<edge::BodyStream> relay_events(std::unique_ptr<Attempt> attempt,
                                               std::unique_ptr<providers::StreamRelay> relay);

/// UpstreamFailed unless the head announces what was asked for: events, or JSON.
Result<void> check_content_type(const Attempt& attempt, model::Delivery delivery);

/// How long a stream may be silent before a comment keeps the line open.
inline constexpr std::chrono::seconds kPingAfter{15};

}  // namespace headgate::dispatch
