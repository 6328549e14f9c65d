#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/blocking_pool.h"
#include "base/per_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "config/settings.h"
#include "documents/document.h"
#include "edge/handler.h"
#include "model/request_context.h"
#include "upstream/fetch.h"

namespace headgate::api {

/// What a document request asks for, from JSON or a form.
struct DocumentRequest {
  std::vector<std::string> urls;        ///< https:, http: or data:
  std::vector<std::string_view> files;  ///< parts of a form; point into the body
  std::string model;                    ///< empty: the route's default
  std::string doc_type;
  std::string output;
  std::string resolution;
  std::string prompt;       ///< for vision models; the embedded engine needs none
  std::string prompt_mode;  ///< of dots.ocr
  std::string industry;     ///< of a classification: tells kept ones apart
  bool include_raw = false;
};

/// Reads a JSON body `{image_urls, model?, doc_type?, prompt?, prompt_mode?, output?, resolution?,
/// industry?, include_raw?}` (also Mistral's `{document:{...}}`) or a form with `file` parts and
/// the same fields.
Result<DocumentRequest> parse_document_request(const edge::Request& request);

/// Turns what a request names into documents: decodes, fetches under the outbound policy, copies
/// off the event loop. Borrows everything; serves all loops.
class DocumentSources final {
 public:
  using Fetchers = PerLoop<upstream::Fetcher>;
  /// `settings` yields the current ones; the pointer keeps them for the request.
  using CurrentSettings = std::function<std::shared_ptr<const config::Settings>()>;

  DocumentSources(Fetchers& fetchers, BlockingPool& pool, CurrentSettings settings)
      : fetchers_(fetchers), pool_(pool), settings_(std::move(settings)) {}

  /// The documents in the order given. InvalidRequest names the entry at fault.
  Task<Result<std::vector<std::shared_ptr<const documents::Document>>>> collect(
      const DocumentRequest& request, model::RequestContext& context) const;

 private:
  Fetchers& fetchers_;
  BlockingPool& pool_;
  CurrentSettings settings_;
};

}  // namespace headgate::api
