#pragma once

#include <string>
#include <string_view>

#include "api/document_sources.h"
#include "base/result.h"
#include "model/inference_request.h"

namespace headgate::api {

// Documents that workers of a provider read: the input and output of the handlers that the
// gateways before this one were deployed with.

/// Whether it is one that a worker can fetch.
bool is_web_url(std::string_view url);

/// The input for a request of `kind`, a document's. InvalidRequest names what such a worker cannot
/// be asked: it fetches documents by their URL, and takes no other.
Result<std::string> encode_remote_documents(model::Kind kind, const DocumentRequest& request);

/// What a document's request is answered with.
struct DocumentFindings {
  std::string members;    ///< of our answer's JSON object, without braces
  double confidence = 1;  ///< of classify and extract
};

/// UpstreamFailed if the output is none of such a worker.
Result<DocumentFindings> decode_remote_documents(model::Kind kind, const DocumentRequest& request,
                                                 std::string_view output_json);

}  // namespace headgate::api
