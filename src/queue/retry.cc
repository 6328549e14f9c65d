#include "queue/retry.h"

#include <algorithm>
#include <cmath>

namespace headgate::queue {
namespace {

/// A model server that asks for more than this is not waited for so long.
constexpr std::chrono::hours kLongestAsked{24};

}  // namespace

bool may_succeed_later(const Error& error) {
  if (error.permanent) {
    return false;
  }
  switch (error.kind) {
    case ErrorKind::RequestTimeout:
    case ErrorKind::RateLimited:
    case ErrorKind::Internal:
    case ErrorKind::UpstreamFailed:
    case ErrorKind::Overloaded:
    case ErrorKind::Timeout:
      return true;
    default:
      return false;
  }
}

std::chrono::milliseconds retry_delay(const config::JobRetrySettings& retry, std::uint32_t attempts,
                                      const Error& error, double random) {
  const double exponent = attempts == 0 ? 0 : attempts - 1;
  const double cap = std::min(
      static_cast<double>(retry.max.count()),
      static_cast<double>(retry.initial.count()) * std::pow(std::max(retry.factor, 1.0), exponent));
  const double wait = retry.jitter == "none" ? cap : cap * random;
  const auto own = std::chrono::milliseconds(static_cast<std::int64_t>(wait));
  const std::chrono::milliseconds asked = error.retry_after.value_or(own);
  return std::max(own, std::min<std::chrono::milliseconds>(asked, kLongestAsked));
}

}  // namespace headgate::queue
