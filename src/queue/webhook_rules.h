#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "config/settings.h"

namespace headgate::queue {

/// When a delivery that failed `attempts` (from 1) times is tried again: after 5 s, 5 min, 30 min,
/// 2 h, 5 h, then every 10 h, each up to a fifth later by `random` (0 to 1). Unix milliseconds.
std::int64_t next_delivery(std::uint32_t attempts, std::int64_t now, double random);

/// What can be said of a job's webhook URL before its name is resolved: as for URLs that are
/// fetched (upstream/fetch_policy.h). A refusal is InvalidRequest `url_not_allowed` at webhook_url.
Result<void> check_webhook_url(std::string_view url, const config::FetchSettings& settings);

}  // namespace headgate::queue
