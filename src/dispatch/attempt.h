#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/recycler.h"
#include "base/result.h"
#include "base/task.h"
#include "model/inference_request.h"
#include "model/request_context.h"
#include "providers/provider.h"
#include "routing/catalog.h"
#include "upstream/client.h"

namespace headgate::dispatch {

/// One call of one target for one request, from the wire request to the last byte of its answer.
class Attempt final : public Recycled {
 public:
  /// Notes the attempt in `context`, which outlives it like the request's body. InvalidRequest if
  /// the target's provider cannot express the request.
  static Result<std::unique_ptr<Attempt>> start(upstream::Client& client,
                                                std::shared_ptr<const routing::Model> model,
                                                const routing::Target& target,
                                                const model::InferenceRequest& request,
                                                model::RequestContext& context);

  /// Waits for the answer's head until `patience`: false if it is not there yet. A refusal by the
  /// target comes back as what it means to our caller.
  Task<Result<bool>> await_answer(SteadyTime patience);
  /// As upstream::Exchange::read.
  Task<Result<std::optional<std::string_view>>> read(SteadyTime patience);
  /// As upstream::Exchange::take.
  Result<std::optional<std::string_view>> take();

  const upstream::ResponseHead& head() const { return exchange_->head(); }
  const routing::Target& target() const { return target_; }
  model::RequestContext& context() const { return context_; }
  /// `error` with the details that tell of this attempt, if the target is at fault.
  Error blame(Error error) const;
  /// Writes what the answer was billed with into the context.
  void settle(providers::Usage usage) const;

 private:
  Attempt(std::shared_ptr<const routing::Model> model, const routing::Target& target,
          providers::WireRequest wire, model::RequestContext& context)
      : model_(std::move(model)), target_(target), wire_(std::move(wire)), context_(context) {}
  Task<Error> refusal();

  std::shared_ptr<const routing::Model>
      model_;  // shared with the catalog: a reload may drop it there
  const routing::Target& target_;
  providers::WireRequest wire_;
  model::RequestContext& context_;
  std::string trace_fields_;
  std::unique_ptr<upstream::Exchange> exchange_;
};

}  // namespace headgate::dispatch
