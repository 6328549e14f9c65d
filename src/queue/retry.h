#pragma once

#include <chrono>
#include <cstdint>

#include "base/error.h"
#include "config/settings.h"

namespace headgate::queue {

/// Whether a job that failed so may succeed later: what the caller must change may not.
bool may_succeed_later(const Error& error);

/// How long a job waits after its `attempts`-th attempt failed: exponential with full jitter
/// ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and at least as long as the
/// model server asked for, up to a day: a limit by the hour must not eat all attempts. A job whose
/// `finish_by` comes first expires then. `random` is uniform in 0..1.
std::chrono::milliseconds retry_delay(const config::JobRetrySettings& retry, std::uint32_t attempts,
                                      const Error& error, double random);

}  // namespace headgate::queue
