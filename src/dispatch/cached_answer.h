#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/hash.h"
#include "dispatch/response_cache.h"
#include "edge/handler.h"
#include "model/inference_request.h"
#include "model/request_context.h"
#include "routing/catalog.h"

namespace headgate::dispatch {

/// What stands for `request` in a cache: who asks, of which model, and all of the body that the
/// answer depends on. nullopt if no cache has to do with it: the model has none, the client does
/// not want one, the answer would differ from time to time, or it is a job.
std::optional<Sha256> cache_key(const routing::Model& model, const model::InferenceRequest& request,
                                const model::RequestContext& context);

/// `kept` as the answer to a request that is delivered like the one it was given to.
edge::Response answer_from(std::shared_ptr<const KeptAnswer> kept, model::Delivery delivery,
                           model::RequestContext& context, SteadyTime now);

/// Has `response` kept under `key` for `ttl` once it is whole; never one that broke off. `cache`
/// and `context` outlive the answer's stream.
void keep_answer(ResponseCache& cache, const Sha256& key, std::chrono::milliseconds ttl,
                 model::Dialect dialect, edge::Response& response,
                 const model::RequestContext& context);

}  // namespace headgate::dispatch
