#pragma once

#include "model/inference_request.h"
#include "routing/prefix_map.h"

namespace headgate::dispatch {

/// Adds the messages of `request` to `prefixes`, as far as they can be told apart.
void add_prefixes(const model::InferenceRequest& request, routing::PrefixHasher& prefixes);

}  // namespace headgate::dispatch
