#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/calendar.h"

namespace headgate::model {

/// What one request used, or several summed.
struct UsageRecord {
  UtcDay day = 0;
  std::string principal{};  ///< Principal::id
  std::string model{};      ///< public name
  std::int64_t requests = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t micro_usd = 0;  ///< millionths of a dollar
  std::int64_t estimated = 0;  ///< of the requests: those whose tokens no provider told

  bool nothing() const {
    return requests == 0 && input_tokens == 0 && output_tokens == 0 && micro_usd == 0;
  }
};

/// What a reservation came to.
struct Settlement {
  std::string id;
  UsageRecord used{};  ///< nothing: the reservation is only given back
};

/// What several changes write in one step.
struct UsageBatch {
  std::vector<Settlement> settlements{};
  std::vector<UsageRecord> records{};  ///< used without a reservation
};

}  // namespace headgate::model
