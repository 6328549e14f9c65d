#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/dispatcher.h"
#include "edge/handler.h"
#include "model/inference_request.h"
#include "model/request_context.h"

namespace headgate::api {

/// Text that may be read as a request's body: followed by edge::kBodyPadding readable bytes. Views
/// into it stay good for as long as it lives.
std::unique_ptr<const std::string> own_body(std::string text);

/// Runs a request whose body is `body` and not the client's: it lives as long as the answer.
Task<Result<edge::Response>> run_own(const dispatch::Dispatcher& dispatcher,
                                     model::InferenceRequest request,
                                     std::unique_ptr<const std::string> body,
                                     model::RequestContext& context);

/// The body of `request`, which asks for a stream, as one that does not.
std::string without_stream(const model::InferenceRequest& request);

}  // namespace headgate::api
