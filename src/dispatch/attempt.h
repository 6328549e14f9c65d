#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/recycler.h"
#include "base/result.h"
#include "base/task.h"
#include "model/request_context.h"
#include "providers/provider.h"
#include "routing/router.h"
#include "upstream/client.h"

namespace headgate::dispatch {

/// One call of one target for one request, from the wire request to the last byte of its answer.
/// Destroying it before the end breaks the call off.
class Attempt final : public Recycled {
 public:
  /// Whether break_off() may be called.
  enum class Breakable : std::uint8_t { No, Yes };

  /// Notes the attempt in `context`, which outlives it like what the pieces of `wire` point into.
  Attempt(upstream::Client& client, routing::Lease lease, providers::WireRequest wire,
          model::RequestContext& context, Breakable breakable = Breakable::No);
  /// A call that is made by other means: only what all calls have in common.
  Attempt(routing::Lease lease, model::RequestContext& context);
  /// A call that goes over an exchange of another sort.
  Attempt(routing::Lease lease, model::RequestContext& context,
          std::unique_ptr<upstream::Exchange> exchange);

  /// Whose context the time spent waiting is added to; null: nobody's. With nobody's, and once
  /// broken off, the attempt no longer looks at the context it was made with.
  void count_wait_in(model::RequestContext* context) { context_ = context; }
  bool breakable() const { return leash_ != nullptr; }
  /// Ends the call while it is being awaited, as if the client had left.
  void break_off() { leash_->source.cancel(); }
  bool broken_off() const { return leash_ && leash_->source.cancelled(); }

  /// Waits for the answer's head until `patience`: false if it is not there yet. A refusal by the
  /// target comes back as what it means to our caller.
  Task<Result<bool>> await_answer(SteadyTime patience);
  /// As upstream::Exchange::read.
  Task<Result<std::optional<std::string_view>>> read(SteadyTime patience);
  /// As upstream::Exchange::take.
  Result<std::optional<std::string_view>> take() { return exchange_->take(); }

  const upstream::ResponseHead& head() const { return exchange_->head(); }
  /// Of the answer; 0 while there is none.
  int status() const { return status_; }
  /// Of a call made by other means.
  void set_status(int status) { status_ = status; }
  /// How long its work waited in the provider's queue; unset: not told.
  std::optional<std::chrono::milliseconds> remote_wait() const { return remote_wait_; }
  void set_remote_wait(std::chrono::milliseconds wait);
  const routing::Target& target() const { return lease_.target(); }
  const routing::Lease& lease() const { return lease_; }
  routing::Lease& lease() { return lease_; }
  /// The right to the call, to be ended.
  routing::Lease release_lease() { return std::move(lease_); }
  SteadyTime started() const { return started_; }

 private:
  /// Hands on that the request is cancelled, and can be cancelled alone.
  struct Leash final : CancelHook {
    explicit Leash(CancelSource& request) { request.attach(*this); }
    void on_cancel() override { source.cancel(); }
    CancelSource source;
  };

  void count_wait(SteadyTime since);
  Task<Error> refusal();

  routing::Lease lease_;
  providers::WireRequest wire_;
  model::RequestContext* context_;
  SteadyTime started_;
  std::string trace_fields_;
  int status_ = 0;
  std::optional<std::chrono::milliseconds> remote_wait_;
  std::unique_ptr<Leash> leash_;
  std::unique_ptr<upstream::Exchange> exchange_;
};

}  // namespace headgate::dispatch
