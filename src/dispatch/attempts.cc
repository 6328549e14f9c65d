#include "dispatch/attempts.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/signal.h"
#include "dialects/dialect.h"
#include "dispatch/kinds.h"
#include "dispatch/needs.h"
#include "dispatch/prefixes.h"
#include "dispatch/remote_stream.h"

namespace headgate::dispatch {
namespace {

using NextKind = routing::NextStep::Kind;

/// Whether what `model` decides depends on what the request needs.
bool weighs_needs(const routing::Model& model) {
  return !model.rules.empty() || !model.fallback_models.empty() ||
         model.strategy == routing::Strategy::Cost ||
         std::ranges::any_of(model.targets, [](const routing::Target& target) {
           const routing::Abilities& can = target.abilities;
           return target.context != 0 || target.max_output != 0 || !can.images || !can.tools ||
                  !can.json_schema;
         });
}

/// Whether the target's calls are jobs at its provider.
bool is_remote(const routing::Target& target) {
  const providers::RemoteJobs* const jobs =
      target.protocol == nullptr ? nullptr : target.protocol->remote_jobs();
  return jobs != nullptr && jobs->carries_chats();
}

/// Wakes a pause when the client leaves.
class Leaving final : public CancelHook {
 public:
  explicit Leaving(CancelSource& source) { source.attach(*this); }
  void on_cancel() override { gone_.notify(); }
  Task<void> wait_until(SteadyTime when) { co_await gone_.wait_until(when); }

 private:
  Signal gone_;
};

/// Enough for the log line.
constexpr std::size_t kMaxToldOfFailed = 256;

/// Takes a key out of what is told and logged: some vendors repeat it.
void hide(std::string_view credential_lines, Error& error) {
  constexpr std::size_t kShortest = 6;  // anything less is no secret, and may be a word
  while (!credential_lines.empty()) {
    const std::size_t end = std::min(credential_lines.find("\r\n"), credential_lines.size());
    const std::string_view line = credential_lines.substr(0, end);
    credential_lines.remove_prefix(std::min(end + 2, credential_lines.size()));
    const std::string_view secret = line.substr(line.rfind(' ') + 1);
    if (secret.size() < kShortest) {
      continue;
    }
    for (std::string* text : {&error.message, &error.detail, &error.param, &error.code}) {
      for (std::size_t at = text->find(secret); at != std::string::npos; at = text->find(secret)) {
        text->replace(at, secret.size(), "(hidden)");
      }
    }
  }
}

}  // namespace

Attempts::Attempts(const Services& services, std::shared_ptr<const routing::Model> model,
                   model::InferenceRequest request, model::RequestContext& context)
    : services_(services),
      model_(std::move(model)),
      request_(std::move(request)),
      context_(context) {}

Result<void> Attempts::choose() {
  const SteadyTime now = std::chrono::steady_clock::now();
  routing::Ask ask;
  ask.model = model_;
  ask.needs.kind = request_.kind;
  if (weighs_needs(*model_)) {
    ask.needs = needs_of(request_);
  }
  ask.client = context_.client_id;
  ask.user = request_.user;
  if (context_.principal != nullptr) {
    ask.principal = context_.principal->name;
  }
  if (!model_->rules.empty()) {
    ask.time = std::chrono::system_clock::now();
  }
  routing::PrefixHasher prefixes;
  if (model_->strategy == routing::Strategy::Prefix) {
    add_prefixes(request_, prefixes);
    ask.prefixes = prefixes.prefixes();
  }
  plan_ = services_.routers.here().plan(ask, *services_.catalogs.here(), now);
  const model::JobAttempt* const earlier =
      context_.ledger == nullptr ? nullptr : context_.ledger->under_way();
  for (std::size_t i = 0; earlier != nullptr && i < plan_.candidates.size(); ++i) {
    const routing::Target& target = target_of(i);
    if (target.provider == earlier->provider && target.called() == earlier->target &&
        take(i, now)) {
      return {};
    }
  }
  for (std::size_t i = 0; i < plan_.candidates.size(); ++i) {
    if (take(i, now)) {
      return {};
    }
  }
  return fail(plan_.refusal(now));
}

bool Attempts::take(std::size_t candidate, SteadyTime now) {
  lease_ = services_.routers.here().begin(plan_, plan_.candidates[candidate], now);
  candidate_ = candidate;
  return static_cast<bool>(lease_);
}

bool Attempts::must_note() const {
  return context_.spending != nullptr || context_.ledger != nullptr;
}

Task<Result<void>> Attempts::note() {
  if (context_.spending) {
    auto reserved = co_await context_.spending->begin();
    if (!reserved) {
      co_return reserved;
    }
  }
  if (context_.ledger != nullptr) {
    const routing::Target& target = lease_.target();
    co_return co_await context_.ledger->begin(target.provider, target.called());
  }
  co_return Result<void>{};
}

Result<void> Attempts::call() {
  continues_ = false;
  return start(encode(nullptr));
}

Result<void> Attempts::call_again(const model::AnswerTrail& trail) {
  continues_ = trail.only_text() != nullptr && lease_.target().abilities.prefill;
  return start(encode(continues_ ? &trail : nullptr));
}

void Attempts::call_otherwise() {
  first_token_at_.reset();
  attempt_ = std::make_unique<Attempt>(std::move(lease_), context_);
}

Result<void> Attempts::start(Result<providers::WireRequest> wire) {
  first_token_at_.reset();
  if (!wire) {
    return fail(wire.error());
  }
  if (is_remote(lease_.target())) {
    start_remotely(std::move(*wire));
    return {};
  }
  const bool hedges = hedged_ || lease_.model().hedge.after != routing::Hedge::After::Never;
  attempt_ = std::make_unique<Attempt>(*services_.clients.here(), std::move(lease_),
                                       std::move(*wire), context_,
                                       hedges ? Attempt::Breakable::Yes : Attempt::Breakable::No);
  return {};
}

void Attempts::start_remotely(providers::WireRequest wire) {
  if (request_.delivery == model::Delivery::Whole || context_.ledger != nullptr) {
    remote_wire_ = std::move(wire);
    call_otherwise();
    return;
  }
  const routing::Target& target = lease_.target();
  const SteadyTime until =
      std::min(context_.deadline, std::chrono::steady_clock::now() + target.timeouts.total);
  auto exchange = start_remote_stream(client(), RemotePlace(target, lease_.credential()),
                                      std::move(wire), until, context_.cancel);
  attempt_ = std::make_unique<Attempt>(std::move(lease_), context_, std::move(exchange));
}

Result<providers::WireRequest> Attempts::encode(const model::AnswerTrail* trail) {
  const routing::Target& target = lease_.target();
  const providers::Provider& provider = *target.protocol;
  passes_ = trail == nullptr && provider.passes(request_.dialect, request_.kind);
  if (passes_) {
    return provider.encode(request_, target.name);
  }
  if (request_.kind != model::Kind::Chat) {
    return encode_kind(provider, request_, target.name);
  }
  if (!neutral_) {
    auto decoded = dialects::dialect_for(request_.dialect).decode(request_.body);
    if (!decoded) {
      return fail(decoded.error());
    }
    neutral_ = std::move(*decoded);
  }
  if (trail == nullptr) {
    return provider.encode_chat(*neutral_, request_.delivery, target.name);
  }
  model::ChatRequest going_on = *neutral_;
  model::Message& begun = going_on.messages.emplace_back();
  begun.role = model::Message::Role::Assistant;
  begun.content.emplace_back().text = *trail->only_text();
  going_on.continues = true;
  return provider.encode_chat(going_on, request_.delivery, target.name);
}

Task<Result<void>> Attempts::recover(Error error, routing::Delivered delivered) {
  if (attempt_) {
    hide(attempt_->lease().credential(), error);
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  const bool unable = !attempt_;  // the provider could not express the request
  const routing::Trouble trouble = note_failure(error, now);
  if (context_.cancel.cancelled()) {
    co_return fail(client_left());
  }
  if (unable) {
    // What one provider cannot express another may.
    if (take_next(NextKind::NextTarget, now)) {
      co_return Result<void>{};
    }
    co_return fail(conclude(unable_but_for(std::move(error), now)));
  }
  outage_ = error;
  routing::Router& router = services_.routers.here();
  const routing::NextStep step = router.after(plan_, plan_.candidates[candidate_],
                                              describe(error, trouble, delivered, now), now);
  if (step.kind == NextKind::GiveUp) {
    co_return fail(conclude(std::move(error)));
  }
  SteadyTime then = now;
  if (step.delay.count() > 0) {
    Leaving leaving(context_.cancel);
    co_await leaving.wait_until(now + step.delay);
    then = std::chrono::steady_clock::now();
    if (context_.cancel.cancelled()) {
      co_return fail(client_left());
    }
  }
  if (step.kind == NextKind::RetrySame && take(candidate_, then)) {
    co_return Result<void>{};
  }
  if (take_next(step.kind, then)) {
    co_return Result<void>{};
  }
  co_return fail(conclude(std::move(error)));
}

Error Attempts::unable_but_for(Error unable, SteadyTime now) const {
  if (outage_) {
    return *outage_;
  }
  const bool later = std::ranges::any_of(plan_.left_out, [](const routing::LeftOut& left) {
    return left.reason != routing::LeftOutFor::Unable && left.reason != routing::LeftOutFor::Rule;
  });
  return later ? plan_.refusal(now) : std::move(unable);
}

routing::Trouble Attempts::note_failure(const Error& error, SteadyTime now) {
  const int status = attempt_ ? attempt_->status() : 0;
  const bool unable = !attempt_;
  const routing::Trouble trouble =
      unable ? routing::Trouble::CallersFault : routing::trouble_of(error, status);
  if (tried_.empty()) {
    tried_.resize(plan_.candidates.size());
  }
  Tried& tried = tried_[candidate_];
  ++tried.attempts;
  tried.failed = true;
  tried.used_up = unable || trouble == routing::Trouble::Silent ||
                  trouble == routing::Trouble::Misfit ||
                  trouble == routing::Trouble::ContextLength ||
                  tried.attempts >= model_of(candidate_).retry.max_attempts;
  end_call(error, trouble, now);
  return trouble;
}

routing::FailedAttempt Attempts::describe(const Error& error, routing::Trouble trouble,
                                          routing::Delivered delivered, SteadyTime now) const {
  const routing::Router& router = services_.routers.here();
  const routing::Target& target = target_of(candidate_);
  routing::FailedAttempt failed;
  failed.trouble = trouble;
  failed.retry_after = error.retry_after;
  // A job comes back to a target by way of its queue, whose waits survive a restart.
  failed.attempts_on_target = context_.ledger != nullptr ? UINT_MAX : tried_[candidate_].attempts;
  failed.delivered = delivered;
  failed.other_key = failed_key_ && router.other_key(target, *failed_key_, now);
  failed.usable_at = router.usable_at(target, now);
  failed.deadline = context_.deadline;
  for (std::size_t i = 0; i < plan_.candidates.size(); ++i) {
    if (i == candidate_ || !may_try(i, NextKind::NextTarget) ||
        router.usable_at(target_of(i), now) > now) {
      continue;
    }
    failed.other_target = true;
    failed.larger_target = failed.larger_target || may_try(i, NextKind::LargerTarget);
  }
  return failed;
}

bool Attempts::may_try(std::size_t candidate, NextKind kind) const {
  // One that failed already is asked again only as a retry, with its wait and out of the budget.
  if (tried_[candidate].used_up || tried_[candidate].failed) {
    return false;
  }
  const std::uint64_t window = target_of(candidate).context;
  return kind != NextKind::LargerTarget || window == 0 || window > target_of(candidate_).context;
}

bool Attempts::take_next(NextKind kind, SteadyTime now) {
  const std::size_t failed = candidate_;
  const std::size_t count = plan_.candidates.size();
  for (std::size_t step = 1; step < count; ++step) {
    const std::size_t next = (failed + step) % count;
    candidate_ = failed;  // what a larger window is measured against
    if (may_try(next, kind) && take(next, now)) {
      return true;
    }
  }
  candidate_ = failed;
  return false;
}

void Attempts::note_failed(const Failed& failed) {
  std::string& told = context_.failed_attempts;
  if (told.size() < kMaxToldOfFailed) {
    told.append(told.empty() ? "" : " ").append(failed.provider).append("/");
    told.append(failed.target).append("=").append(failed.outcome);
  }
}

void Attempts::end_call(const Error& error, routing::Trouble trouble, SteadyTime now) {
  const routing::Target& target = target_of(candidate_);
  failed_.push_back({.provider = target.provider,
                     .target = target.called(),
                     .outcome = std::string(wire_code(error))});
  note_failed(failed_.back());
  failed_key_.reset();
  if (!attempt_) {
    lease_ = {};
    return;
  }
  failed_key_ = attempt_->lease().key();
  routing::Outcome outcome;
  outcome.result = routing::result_of(trouble);
  outcome.latency = now - attempt_->started();
  outcome.retry_after = error.retry_after;
  outcome.silent = trouble == routing::Trouble::Silent;
  if (context_.ledger != nullptr) {
    context_.ledger->failed(error);
  }
  routing::Lease lease = attempt_->release_lease();
  attempt_.reset();  // closes its connection before the next is opened
  services_.routers.here().ended(std::move(lease), outcome, now);
}

bool Attempts::leave_for_another(const Error& why) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::size_t left = candidate_;
  if (tried_.empty()) {
    tried_.resize(plan_.candidates.size());
  }
  for (std::size_t i = 0; i < plan_.candidates.size(); ++i) {
    if (i == left || tried_[i].attempts != 0 || tried_[i].used_up || !take(i, now)) {
      continue;
    }
    ++tried_[left].attempts;
    tried_[left].used_up = true;
    failed_.push_back({.provider = target_of(left).provider,
                       .target = target_of(left).called(),
                       .outcome = std::string(wire_code(why))});
    if (context_.ledger != nullptr) {
      context_.ledger->failed(why);
    }
    attempt_.reset();
    return true;
  }
  candidate_ = left;
  return false;
}

SteadyTime Attempts::hedge_at() const {
  if (hedged_ || plan_.candidates.size() < 2 || context_.ledger != nullptr ||
      !attempt_->breakable()) {
    return SteadyTime::max();
  }
  const auto after =
      services_.routers.here().hedge_after(model_of(candidate_), target(), request_.delivery);
  return after ? attempt_->started() + *after : SteadyTime::max();
}

std::optional<Attempts::Call> Attempts::call_beside() {
  const SteadyTime now = std::chrono::steady_clock::now();
  routing::Router& router = services_.routers.here();
  hedged_ = true;
  if (tried_.empty()) {
    tried_.resize(plan_.candidates.size());
  }
  Call current = release();
  std::optional<Call> beside;
  bool paid = false;
  for (std::size_t i = 0; i < plan_.candidates.size() && !beside; ++i) {
    // A probe is no help to somebody in a hurry, and would prove nothing if it were outrun.
    const bool well = target_of(i).health->standing(now) == routing::TargetHealth::Standing::Closed;
    if (i == current.candidate || tried_[i].attempts != 0 || tried_[i].used_up || !well ||
        is_remote(target_of(i)) || router.usable_at(target_of(i), now) > now) {
      continue;
    }
    paid = paid || router.may_hedge(plan_, now);
    if (!paid) {
      break;
    }
    if (!take(i, now)) {
      continue;
    }
    if (start(encode(nullptr))) {
      beside = release();
      ++plan_.models.front()->memory->hedges;
    } else {
      tried_[i].used_up = true;
      lease_ = {};
    }
  }
  resume(std::move(current));
  return beside;
}

Attempts::Call Attempts::release() {
  return {.candidate = candidate_, .attempt = std::move(attempt_), .passes = passes_};
}

void Attempts::resume(Call call) {
  candidate_ = call.candidate;
  attempt_ = std::move(call.attempt);
  attempt_->count_wait_in(&context_);
  passes_ = call.passes;
  continues_ = false;
  context_.provider = target().provider;
  context_.target = target().called();
}

void Attempts::failed_beside(Call call, const Error& error) {
  candidate_ = call.candidate;
  attempt_ = std::move(call.attempt);
  note_failure(error, std::chrono::steady_clock::now());
}

void Attempts::outran(const Call& loser) {
  const SteadyTime now = std::chrono::steady_clock::now();
  ++tried_[loser.candidate].attempts;  // if the winner breaks off, those not asked yet come first
  services_.routers.here().outrun(loser.attempt->lease(), now - loser.attempt->started(),
                                  request_.delivery, now);
}

void Attempts::broke_off(const Error& error) {
  if (attempt_) {
    note_failure(error, std::chrono::steady_clock::now());
  }
}

void Attempts::answered() {
  if (first_token_at_) {
    return;
  }
  first_token_at_ = std::chrono::steady_clock::now();
  services_.routers.here().answered(attempt_->lease(), *first_token_at_ - attempt_->started(),
                                    *first_token_at_);
}

void Attempts::succeeded() {
  if (!attempt_->lease()) {
    return;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  routing::Outcome outcome;
  outcome.latency = now - attempt_->started();
  services_.routers.here().ended(attempt_->release_lease(), outcome, now);
}

/// What the caller hears: the last error, with the story of all calls if the targets are at fault.
Error Attempts::conclude(Error error) const {
  const bool callers_fault = http_status(error.kind) < 500 && error.kind != ErrorKind::RateLimited;
  if (error.origin != Origin::Upstream || callers_fault || !error.details_json.empty()) {
    return error;
  }
  error.details_json = R"({"attempts":[)";
  for (const Failed& failed : failed_) {
    error.details_json.append(error.details_json.back() == '[' ? "" : ",")
        .append(R"({"provider":)")
        .append(json_quote(failed.provider))
        .append(R"(,"target":)")
        .append(json_quote(failed.target))
        .append(R"(,"outcome":)")
        .append(json_quote(failed.outcome))
        .append("}");
  }
  error.details_json.append("]}");
  return error;
}

}  // namespace headgate::dispatch
