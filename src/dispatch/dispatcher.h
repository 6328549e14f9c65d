#pragma once

#include <memory>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/response_cache.h"
#include "dispatch/services.h"
#include "edge/handler.h"
#include "model/inference_request.h"
#include "model/request_context.h"
#include "queue/lines.h"
#include "routing/catalog.h"

namespace headgate::dispatch {

/// Carries out one inference: finds the model, waits in its line, calls its targets until one
/// answers and relays the answer; or gives the answer again that the same question had before.
///
/// Serves all event loops.
class Dispatcher final {
 public:
  /// Borrows all. Without `cache` no answer is kept.
  Dispatcher(Services services, queue::Lines& lines, ResponseCache* cache = nullptr)
      : services_(services), lines_(lines), cache_(cache) {}

  /// The answer, its body still streaming in. Fails with NotFound for an unknown model, Overloaded
  /// if its line is full, with what the target's refusal means, or with UpstreamFailed, Timeout or
  /// ClientLeft; `details` then tells of the attempts. The request's body and `context` outlive the
  /// answer's stream.
  Task<Result<edge::Response>> run(model::InferenceRequest request,
                                   model::RequestContext& context) const;

 private:
  Services services_;
  queue::Lines& lines_;
  ResponseCache* cache_;
};

/// InvalidRequest that names `model` if none of its targets can answer requests of `kind`, which is
/// not one of documents.
Result<void> check_kind(const routing::Model& model, model::Kind kind);

/// A caller's way through the line of `model` if a slot is free: it is in `context.slot` then. A
/// job has its slot already. False: await wait_in_line().
bool try_enter_line(queue::Lines& lines, const routing::Model& model,
                    model::RequestContext& context);
/// Waits until the slot is in `context.slot`. Fails as queue::Lines::enter.
Task<Result<void>> wait_in_line(queue::Lines& lines, const routing::Model& model,
                                model::RequestContext& context);

}  // namespace headgate::dispatch
