#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dialects/dialect.h"
#include "model/inference_request.h"
#include "model/token_usage.h"
#include "providers/provider.h"

// Requests that are no chat and go to a provider that does not take them as the client wrote them.
namespace headgate::dispatch {

/// The call in the provider's words. InvalidRequest names what it cannot express.
Result<providers::WireRequest> encode_kind(const providers::Provider& provider,
                                           const model::InferenceRequest& request,
                                           const providers::TargetName& target);

/// An answer in the client's words.
struct KindAnswer {
  std::string body;
  std::string content_type;  ///< empty: JSON
  model::Usage usage;
};
/// `body` is the whole answer to that call. UpstreamFailed if it is none, or answers something
/// else.
Result<KindAnswer> decode_kind(const providers::Provider& provider,
                               const model::InferenceRequest& request,
                               const dialects::AnswerFrame& frame, std::string_view body);

/// Whether a client that asked for vectors in base64 has got numbers, in a `body` that is otherwise
/// its answer: servers that do not know the option leave it out.
bool needs_base64(const model::InferenceRequest& request, std::string_view body);

}  // namespace headgate::dispatch
