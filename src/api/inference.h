#pragma once

#include "api/route.h"
#include "dispatch/dispatcher.h"
#include "model/inference_request.h"

namespace headgate::api {

/// POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/images/generations,
/// /v1/audio/speech, /v1/audio/transcriptions, /v1/moderations and /v1/rerank: OpenAI bodies,
/// passed through.
class Inference final : public Endpoint {
 public:
  /// Borrows both.
  Inference(model::Kind kind, const dispatch::Dispatcher& dispatcher,
            const dispatch::Catalogs& catalogs)
      : kind_(kind), dispatcher_(dispatcher), catalogs_(catalogs) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Result<JobPlan> plan(const edge::Request& http) const override;

 private:
  Result<model::InferenceRequest> parse(const edge::Request& http) const;

  model::Kind kind_;
  const dispatch::Dispatcher& dispatcher_;
  const dispatch::Catalogs& catalogs_;
};

/// GET /v1/models and GET /v1/models/{id...}: the configured models.
class Models final : public Endpoint {
 public:
  explicit Models(const dispatch::Catalogs& catalogs) : catalogs_(catalogs) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const dispatch::Catalogs& catalogs_;
};

/// Unsupported unless the body is declared as JSON: a form post from a browser page is refused.
Result<void> require_json(const edge::Request& request);

/// What `asked` comes to as a job, or why its model cannot carry it out.
Result<JobPlan> plan_inference(const model::InferenceRequest& asked,
                               const dispatch::Catalogs& catalogs);

}  // namespace headgate::api
