#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "model/job.h"

namespace headgate::queue {

/// For a job its model::JobSeq (positive), for a caller any unique negative number.
using Ticket = std::int64_t;

enum class Kind : std::uint8_t { Caller, Job };
inline constexpr std::size_t kKinds = 2;

inline Kind kind_of(Ticket ticket) { return ticket < 0 ? Kind::Caller : Kind::Job; }

/// One that comes to a line.
struct Arrival {
  Ticket ticket = 0;
  model::Priority priority = model::Priority::Normal;
  std::string owner;       ///< Principal::id
  std::string client;      ///< the owner's own label
  std::uint32_t work = 1;  ///< estimated
  SteadyTime at;
};

}  // namespace headgate::queue
