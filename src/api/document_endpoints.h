#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "api/document_cache.h"
#include "api/document_sources.h"
#include "api/route.h"
#include "base/blocking_pool.h"
#include "dispatch/attempts.h"
#include "dispatch/dispatcher.h"
#include "documents/worker_pool.h"
#include "queue/lines.h"

namespace headgate::api {

struct DocumentFindings;
struct DocumentPlan;

/// What the document endpoints work with; all borrowed.
struct DocumentEngine {
  const DocumentSources* sources;
  documents::WorkerPool* workers;
  BlockingPool* pool;  ///< for understanding what was read
  dispatch::Services services;
  queue::Lines* lines;
  const DocumentCache* cache;
  DocumentSources::CurrentSettings settings;
};

/// POST /v1/ocr, /v1/classify and /v1/extract, on the embedded engine or by workers of a provider.
class Documents final : public Endpoint {
 public:
  enum class Work : std::uint8_t { Ocr, Classify, Extract };
  Documents(Work work, const DocumentEngine& engine) : work_(work), engine_(engine) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Result<JobPlan> plan(const edge::Request& request) const override;
  /// What is kept of an earlier answer to the same question; nullopt: ask.
  Task<std::optional<edge::Response>> kept(Call call) const;

 private:
  struct Answer;
  struct Prepared;
  Result<Prepared> prepare(const edge::Request& http) const;
  Task<std::optional<Sha256>> key_of(const Prepared& asked,
                                     const model::RequestContext& context) const;
  std::optional<edge::Response> find_kept(const Sha256& key, const Prepared& asked,
                                          model::RequestContext& context) const;
  Task<Result<Answer>> answer(const DocumentRequest& request, const DocumentPlan& plan,
                              dispatch::Attempts& attempts) const;
  Result<providers::WireRequest> encode_for(const dispatch::Attempts& attempts,
                                            const DocumentRequest& request) const;
  Task<Result<DocumentFindings>> read_there(const DocumentRequest& request,
                                            dispatch::Attempts& attempts,
                                            providers::WireRequest wire) const;
  Task<Result<DocumentFindings>> read_here(const DocumentRequest& request, const DocumentPlan& plan,
                                           dispatch::Attempts& attempts) const;

  Work work_;
  const DocumentEngine& engine_;
};

}  // namespace headgate::api
