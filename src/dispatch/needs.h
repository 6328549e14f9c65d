#pragma once

#include "model/inference_request.h"
#include "routing/needs.h"

namespace headgate::dispatch {

/// What `request` needs of a target, its input estimated from the size of its texts.
routing::Needs needs_of(const model::InferenceRequest& request);

}  // namespace headgate::dispatch
