#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/services.h"
#include "model/inference_request.h"
#include "model/request_context.h"

namespace headgate::dispatch {

/// How many tokens a request's input has, and who says so.
struct TokenCount {
  enum class By : std::uint8_t { Vendor, Estimate };
  std::int64_t tokens = 0;
  By by = By::Estimate;
};

/// Counts the input of chats without answering them.
///
/// Serves all event loops.
class TokenCounter final {
 public:
  /// Borrows what `services` refers to.
  explicit TokenCounter(Services services) : services_(services) {}

  /// Asks the target that a chat would go to, if its vendor counts; otherwise, and when that fails
  /// or takes too long, estimates, also for a model that is not there. Fails only if the request
  /// is at fault or the client has left. Counts neither as an inference nor for a breaker.
  Task<Result<TokenCount>> count(model::InferenceRequest request,
                                 model::RequestContext& context) const;

 private:
  Services services_;
};

}  // namespace headgate::dispatch
