#include "queue/webhook_rules.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "upstream/fetch_policy.h"

namespace headgate::queue {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::array<milliseconds, 6> kDelays = {5s, 5min, 30min, 2h, 5h, 10h};
constexpr double kJitter = 0.2;

}  // namespace

std::int64_t next_delivery(std::uint32_t attempts, std::int64_t now, double random) {
  const std::size_t failures = std::clamp<std::size_t>(attempts, 1, kDelays.size());
  const auto delay = static_cast<double>(kDelays[failures - 1].count());
  return now + static_cast<std::int64_t>(delay * (1 + kJitter * std::clamp(random, 0.0, 1.0)));
}

Result<void> check_webhook_url(std::string_view url, const config::FetchSettings& settings) {
  auto read = upstream::parse_fetch_url(url, settings);
  if (read) {
    return {};
  }
  Error error = std::move(read.error());
  error.param = "webhook_url";
  if (!settings.enabled) {
    error.message = "This gateway calls no URLs that requests name.";
  }
  return fail(std::move(error));
}

}  // namespace headgate::queue
