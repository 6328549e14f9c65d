#pragma once

#include <memory>

#include "base/per_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "edge/handler.h"
#include "model/inference_request.h"
#include "model/request_context.h"
#include "routing/catalog.h"
#include "upstream/client.h"

namespace headgate::dispatch {

using Catalogs = PerLoop<std::shared_ptr<const routing::Catalog>>;
using Clients = PerLoop<std::unique_ptr<upstream::Client>>;

/// Carries out one inference: finds the model, calls its target and relays the answer.
///
/// Serves all event loops; catalogs and clients are the loops' own.
class Dispatcher final {
 public:
  /// Borrows both.
  Dispatcher(Catalogs& catalogs, Clients& clients) : catalogs_(catalogs), clients_(clients) {}

  /// The answer, its body still streaming in. Fails with NotFound for an unknown model, with what
  /// the target's refusal means, or with UpstreamFailed, Timeout or ClientLeft; `details` then
  /// tells of the attempts. The request's body and `context` outlive the answer's stream.
  Task<Result<edge::Response>> run(const model::InferenceRequest& request,
                                   model::RequestContext& context) const;

 private:
  Catalogs& catalogs_;
  Clients& clients_;
};

}  // namespace headgate::dispatch
