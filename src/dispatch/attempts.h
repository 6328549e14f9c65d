#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/attempt.h"
#include "dispatch/services.h"
#include "model/answer_trail.h"
#include "model/chat.h"
#include "model/inference_request.h"
#include "model/request_context.h"
#include "routing/router.h"

namespace headgate::dispatch {

/// The calls of one request, one after the other, until one answers: routing says where and what
/// follows a failure, and hears how each went. One silent call may have another beside it (race.h).
class Attempts final {
 public:
  /// `context` outlives it, like the request's body.
  Attempts(const Services& services, std::shared_ptr<const routing::Model> model,
           model::InferenceRequest request, model::RequestContext& context);

  /// Chooses the first target, which is where a job is under way already if it is anywhere. Fails
  /// with why there is none.
  Result<void> choose();
  /// Puts what depends on a call on disk, if anything does: to be awaited before call().
  bool must_note() const;
  Task<Result<void>> note();
  /// Calls the chosen target. InvalidRequest if the provider cannot express the request; that
  /// counts as a failure like any other.
  Result<void> call();
  /// The same, going on behind what the client has, if the target can be told so; else from the
  /// beginning.
  Result<void> call_again(const model::AnswerTrail& trail);

  /// The chosen target, before it is called.
  const routing::Target& chosen() const { return lease_.target(); }
  /// Takes the call of the chosen target to be made by other means than a request of its own.
  void call_otherwise();
  /// What the current call hands over, once, if that is for follow_remotely() to do.
  std::optional<providers::WireRequest> take_remote_wire() {
    return std::exchange(remote_wire_, std::nullopt);
  }

  /// The current call failed with `error`: waits if that is wise, and chooses the next. Fails with
  /// what the caller hears if there is none; `details` then tells of the attempts.
  Task<Result<void>> recover(Error error, routing::Delivered delivered);
  /// A call that is not the current one.
  struct Call {
    std::size_t candidate = 0;
    std::unique_ptr<Attempt> attempt;
    bool passes = true;
  };
  /// Until when the current call may be silent before another is made beside it; max(): for ever.
  /// Jobs have one call at a time: each is counted on disk, and nobody waits for a token.
  SteadyTime hedge_at() const;
  /// Calls another target beside the current one, once for a request. Nothing if there is none that
  /// is well, or the retry budget forbids it.
  std::optional<Call> call_beside();
  /// Makes the current call one that is not; until resume() there is none.
  Call release();
  void resume(Call call);
  /// Of calls that are not the current one: it failed; the current one has answered before it.
  void failed_beside(Call call, const Error& error);
  void outran(const Call& loser);
  /// The call that was made beside another answers.
  void beside_won() { ++plan_.models.front()->memory->hedges_won; }

  /// Of classify and extract: a target that is less sure is no reason to stop asking.
  double min_confidence() const { return plan_.min_confidence; }
  /// Leaves the current target because of `why`, which says nothing of its health, for one that was
  /// not asked yet. False if there is none; then nothing changes.
  bool leave_for_another(const Error& why);

  /// The current call failed when the client had some of its answer and nothing else may follow.
  void broke_off(const Error& error);
  /// The current call's first token is there.
  void answered();
  /// The current call has been answered to its end.
  void succeeded();

  Attempt& current() { return *attempt_; }
  const routing::Target& target() const { return attempt_->target(); }
  const model::InferenceRequest& request() const { return request_; }
  model::RequestContext& context() const { return context_; }
  upstream::Client& client() const { return *services_.clients.here(); }
  /// Whether the current call's body is the client's own, and not a translation.
  bool passes() const { return passes_; }
  /// Whether the current call was told to go on behind what the client has.
  bool continues() const { return continues_; }

 private:
  struct Tried {
    unsigned attempts = 0;
    bool failed = false;   ///< one of them did, and was not only outrun
    bool used_up = false;  ///< silent, unable or unfit: not asked again
  };
  struct Failed {
    std::string provider;
    std::string target;
    std::string outcome;
  };

  bool take(std::size_t candidate, SteadyTime now);
  bool take_next(routing::NextStep::Kind kind, SteadyTime now);
  bool may_try(std::size_t candidate, routing::NextStep::Kind kind) const;
  Result<providers::WireRequest> encode(const model::AnswerTrail* trail);
  Result<void> start(Result<providers::WireRequest> wire);
  void start_remotely(providers::WireRequest wire);
  routing::Trouble note_failure(const Error& error, SteadyTime now);
  routing::FailedAttempt describe(const Error& error, routing::Trouble trouble,
                                  routing::Delivered delivered, SteadyTime now) const;
  void note_failed(const Failed& failed);
  void end_call(const Error& error, routing::Trouble trouble, SteadyTime now);
  Error conclude(Error error) const;
  /// What the caller hears when the last provider could not express the request: that others, which
  /// may have, are out of order, if that is so.
  Error unable_but_for(Error unable, SteadyTime now) const;
  const routing::Target& target_of(std::size_t candidate) const {
    return plan_.target_of(plan_.candidates[candidate]);
  }

  const routing::Model& model_of(std::size_t candidate) const {
    return plan_.model_of(plan_.candidates[candidate]);
  }

  const Services& services_;
  std::shared_ptr<const routing::Model> model_;
  model::InferenceRequest request_;
  model::RequestContext& context_;
  std::optional<model::ChatRequest> neutral_;
  routing::Plan plan_;
  std::vector<Tried> tried_;  // by candidate; empty until the first failure
  std::vector<Failed> failed_;
  std::optional<Error> outage_;  // of the last call that was made
  std::size_t candidate_ = 0;    // the chosen one
  routing::Lease lease_;         // of the chosen one, until it is called
  std::unique_ptr<Attempt> attempt_;
  std::optional<providers::WireRequest> remote_wire_;
  std::optional<std::size_t> failed_key_;
  std::optional<SteadyTime> first_token_at_;
  bool passes_ = true;
  bool continues_ = false;
  bool hedged_ = false;  // a second call beside a silent one was made, or could not be
};

}  // namespace headgate::dispatch
