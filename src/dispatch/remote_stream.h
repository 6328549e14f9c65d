#pragma once

#include <memory>

#include "base/cancel.h"
#include "base/clock.h"
#include "dispatch/remote_place.h"
#include "upstream/client.h"

namespace headgate::dispatch {

/// How long a question for a job's output may be held by the provider, which answers earlier when
/// there is some.
inline constexpr std::chrono::seconds kStreamHold{30};

/// An exchange that is a job of the provider's: handing over `wire` begins it, and its body is what
/// the job puts out, as that comes. Whoever reads it reads a stream of events.
///
/// The head is there once the provider has taken the job, or has refused it. Destroyed before the
/// end, it has the job cancelled, even if its id is not known yet. A part of the output whose
/// answer got lost is lost, so then the stream breaks off. `client` and `cancel` outlive it.
std::unique_ptr<upstream::Exchange> start_remote_stream(upstream::Client& client, RemotePlace place,
                                                        providers::WireRequest wire,
                                                        SteadyTime until, CancelSource& cancel);

}  // namespace headgate::dispatch
