#include "routing/plan.h"

#include <algorithm>

#include "base/encoding.h"

namespace headgate::routing {
namespace {

using std::chrono::milliseconds;

/// How soon to come again where a probe decides.
constexpr milliseconds kWhileProbing{1'000};
constexpr milliseconds kSoonest{1};
/// An open target is asked every second whether it is back: mostly long before its breaker's time.
constexpr milliseconds kWhileOpen{5'000};

/// The member of the request that a need comes from, in OpenAI's words.
std::string_view param_of(Need need) {
  switch (need) {
    case Need::Kind:
      return "model";
    case Need::Context:
    case Need::Images:
      return "messages";
    case Need::Output:
      return "max_tokens";
    case Need::Tools:
      return "tools";
    case Need::JsonSchema:
      return "response_format";
  }
  return "model";
}

std::string_view asked_for(Need need) {
  switch (need) {
    case Need::Kind:
      return "answers requests of this kind";
    case Need::Context:
      return "has a context window for a request of this size";
    case Need::Images:
      return "reads images";
    case Need::Output:
      return "writes answers as long as the request allows";
    case Need::Tools:
      return "calls tools";
    case Need::JsonSchema:
      return "keeps to a JSON schema";
  }
  return "can answer the request";
}

std::string quoted(std::string_view name, std::string_view value) {
  return json_quote(name) + ":" + json_quote(value);
}

}  // namespace

std::string_view name_of(LeftOutFor reason) {
  switch (reason) {
    case LeftOutFor::Unable:
      return "unable";
    case LeftOutFor::Rule:
      return "rule";
    case LeftOutFor::Open:
      return "open";
    case LeftOutFor::ProbeRuns:
      return "probe_runs";
    case LeftOutFor::KeysRest:
      return "keys_rest";
    case LeftOutFor::KeysRefused:
      return "keys_refused";
    case LeftOutFor::RateReached:
      return "rate_reached";
  }
  return "unable";
}

std::optional<SteadyTime> Plan::retry_at() const {
  std::optional<SteadyTime> soonest;
  for (const LeftOut& left : left_out) {
    if (left.until != SteadyTime() && left.until != SteadyTime::max()) {
      soonest = std::min(soonest.value_or(left.until), left.until);
    }
  }
  return soonest;
}

bool Plan::is_larger(Candidate candidate, Candidate than) const {
  const std::uint64_t known = target_of(than).context;
  const std::uint64_t context = target_of(candidate).context;
  return context == 0 ? known != 0 : context > known;
}

std::string Plan::details_json(SteadyTime now) const {
  std::string text = R"({"targets":[)";
  for (const LeftOut& left : left_out) {
    const Target& target = target_of(left.candidate);
    text.append(text.back() == '[' ? "{" : ",{");
    text.append(quoted("provider", target.provider)).append(",");
    text.append(quoted("target", target.name.model)).append(",");
    text.append(quoted("reason", name_of(left.reason)));
    if (left.need) {
      text.append(",").append(quoted("need", name_of(*left.need)));
    }
    if (left.until > now && left.until != SteadyTime::max()) {
      const auto wait = std::chrono::ceil<milliseconds>(left.until - now);
      text.append(R"(,"retry_after_ms":)").append(std::to_string(wait.count()));
    }
    text.push_back('}');
  }
  return text.append("]}");
}

Error Plan::refusal(SteadyTime now) const {
  const auto is_for_good = [](const LeftOut& left) {
    return left.reason == LeftOutFor::Unable || left.reason == LeftOutFor::Rule;
  };
  const auto is_limited = [](const LeftOut& left) {
    return left.reason == LeftOutFor::KeysRest || left.reason == LeftOutFor::RateReached;
  };
  Error error;
  if (std::ranges::all_of(left_out, is_for_good)) {
    const auto unable = std::ranges::find(left_out, LeftOutFor::Unable, &LeftOut::reason);
    const Need need = unable == left_out.end() ? Need::Kind : *unable->need;
    error = invalid_request("No target of the model '" + models.front()->name + "' " +
                                std::string(asked_for(need)) + ".",
                            std::string(param_of(need)));
    error.code = need == Need::Context ? "context_length_exceeded" : "";
  } else {
    const bool limited = std::ranges::all_of(
        left_out, [&](const LeftOut& left) { return is_for_good(left) || is_limited(left); });
    error.kind = limited ? ErrorKind::RateLimited : ErrorKind::Overloaded;
    error.origin = Origin::Upstream;
    error.code = limited ? "upstream_rate_limited" : "no_target_available";
    error.message = limited ? "The model's providers limit the rate of requests; please try again "
                              "later."
                            : "No target of the model can be called now; please try again later.";
    if (const auto soonest = retry_at()) {
      const bool open = std::ranges::any_of(left_out, [](const LeftOut& left) {
        return left.reason == LeftOutFor::Open && left.until != SteadyTime::max();
      });
      error.retry_after = std::clamp(std::chrono::ceil<milliseconds>(*soonest - now), kSoonest,
                                     open ? kWhileOpen : milliseconds::max());
    } else if (std::ranges::find(left_out, LeftOutFor::ProbeRuns, &LeftOut::reason) !=
               left_out.end()) {
      error.retry_after = kWhileProbing;
    }
  }
  error.details_json = details_json(now);
  return error;
}

}  // namespace headgate::routing
