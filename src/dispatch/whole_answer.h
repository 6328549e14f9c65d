#pragma once

#include <memory>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/attempts.h"
#include "edge/handler.h"

namespace headgate::dispatch {

/// The whole answer to `attempts`, whose first target is chosen, from whatever target gives one. An
/// answer of up to a megabyte is here to its last byte before the first is sent, so one that breaks
/// off is asked for again elsewhere; of a larger one the rest streams. Usage goes into the context.
Task<Result<edge::Response>> answer_whole(std::unique_ptr<Attempts> attempts);

}  // namespace headgate::dispatch
