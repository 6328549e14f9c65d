#include "limits/request_limits.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;

// SDKs do not retry at all when asked to wait longer (openai-python: MAX_RETRY_AFTER_DELAY).
constexpr std::chrono::milliseconds kLongestWait{120'000};
// A slot comes free when some request ends; nobody knows when.
constexpr std::chrono::milliseconds kSlotWait{1'000};

RequestRate make_rate(std::string_view name, std::uint64_t count, std::chrono::milliseconds window,
                      std::uint64_t burst) {
  return {name, count, window, GcraRate::of(count, window, burst)};
}

RequestRate a_minute(std::uint64_t count, std::uint64_t burst) {
  return make_rate("requests_per_minute", count, 1min, burst);
}

/// `burst` belongs to the short rates; an hour's allowance may be used at once otherwise.
RequestRate an_hour(std::uint64_t count) { return make_rate("requests_per_hour", count, 1h, 0); }

RequestLimits make_limits(std::string subject, std::string details,
                          const config::RequestSettings& settings) {
  return {.subject = std::move(subject),
          .details = std::move(details),
          .rates = {a_minute(settings.per_minute, settings.burst), an_hour(settings.per_hour),
                    RequestRate()},
          .concurrent = settings.concurrent};
}

std::string period(const RequestRate& rate) {
  if (rate.window == 1min) {
    return "a minute";
  }
  return rate.window == 1h ? "an hour" : "in " + go_duration(rate.window);
}

/// Keeps in `status` the rate with the fewest requests left.
void tighten(LimitStatus& status, const RequestRate& rate, const GcraVerdict& verdict) {
  if (status.limit == 0 || verdict.remaining < status.remaining) {
    status = {rate.count, verdict.remaining, verdict.reset_after};
  }
}

}  // namespace

bool RequestLimits::none() const {
  return concurrent == 0 &&
         std::ranges::all_of(rates, [](const RequestRate& rate) { return rate.count == 0; });
}

RequestLimits RequestLimits::of_tier(std::string_view tier, const config::TierSettings& settings) {
  return {.subject = "The tier " + std::string(tier) + " allows",
          .details = R"("tier":)" + json_quote(tier),
          .rates = {a_minute(settings.per_minute, settings.burst), an_hour(settings.per_hour),
                    make_rate("requests_per_window", settings.per_window, settings.window,
                              settings.burst)},
          .concurrent = settings.concurrent};
}

RequestLimits RequestLimits::of_client(std::string_view tier,
                                       const config::RequestSettings& settings) {
  return make_limits("The tier " + std::string(tier) + " allows each client",
                     R"("tier":)" + json_quote(tier) + R"(,"per":"client")", settings);
}

RequestLimits RequestLimits::of_route(std::string_view pattern,
                                      const config::RequestSettings& settings) {
  return make_limits("The route " + std::string(pattern) + " allows",
                     R"("route":)" + json_quote(pattern), settings);
}

std::int64_t RequestUse::latest() const { return *std::ranges::max_element(states); }

Error Refusal::error() const {
  const std::uint64_t value = rate == nullptr ? limits->concurrent : rate->count;
  Error error;
  error.kind = ErrorKind::RateLimited;
  error.origin = Origin::Client;
  error.message = limits->subject + " " + std::to_string(value) + " requests ";
  error.message += rate == nullptr ? "at once; wait until one has ended."
                                   : period(*rate) + "; try again in " + go_duration(wait) + ".";
  error.details_json = R"({"limit":)" +
                       json_quote(rate == nullptr ? "concurrent_requests" : rate->name) +
                       R"(,"value":)" + std::to_string(value) + "," + limits->details + "}";
  error.retry_after =
      rate == nullptr ? kSlotWait
                      : std::min(std::chrono::ceil<std::chrono::milliseconds>(wait), kLongestWait);
  return error;
}

void RequestClaim::decide(SteadyTime now, Refusal& refusal) {
  if (refusal.limits != nullptr && refusal.rate == nullptr) {
    return;  // there is no slot whatever the rates say
  }
  if (limits->concurrent != 0 &&
      use->running.load(std::memory_order_acquire) >= limits->concurrent) {
    refusal = {.limits = limits};
    return;
  }
  for (std::size_t i = 0; i < kRequestRates; ++i) {
    const RequestRate& rate = limits->rates[i];
    if (rate.count == 0) {
      continue;
    }
    verdicts[i] = gcra_decide(rate.gcra, use->states[i], now);
    if (!verdicts[i].allowed && verdicts[i].retry_after > refusal.wait) {
      refusal = {.limits = limits, .rate = &rate, .wait = verdicts[i].retry_after};
    }
  }
}

void RequestClaim::take(LimitStatus& status) const {
  for (std::size_t i = 0; i < kRequestRates; ++i) {
    if (limits->rates[i].count != 0) {
      use->states[i] = verdicts[i].next;
      tighten(status, limits->rates[i], verdicts[i]);
    }
  }
}

void look(const RequestLimits& limits, const RequestUse* use, SteadyTime now, LimitStatus& status) {
  for (std::size_t i = 0; i < kRequestRates; ++i) {
    if (limits.rates[i].count != 0) {
      tighten(status, limits.rates[i],
              gcra_look(limits.rates[i].gcra, use == nullptr ? 0 : use->states[i], now));
    }
  }
}

}  // namespace headgate::limits
