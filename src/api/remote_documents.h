#pragma once

#include <string>
#include <string_view>

#include "api/document_sources.h"
#include "base/result.h"
#include "model/inference_request.h"

namespace headgate::api {

// Documents that workers of a provider read: the input and output of the handlers that the
// gateways before this one were deployed with.

/// The input for a request of `kind`, a document's. InvalidRequest names what such a worker cannot
/// be asked: it fetches documents by their URL, and takes no other.
Result<std::string> encode_remote_documents(model::Kind kind, const DocumentRequest& request);

/// The members of our answer, without braces. UpstreamFailed if the output is none of such a
/// worker.
Result<std::string> decode_remote_documents(model::Kind kind, const DocumentRequest& request,
                                            std::string_view output_json);

}  // namespace headgate::api
