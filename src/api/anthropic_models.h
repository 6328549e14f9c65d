#pragma once

#include "api/route.h"
#include "base/result.h"
#include "routing/catalog.h"

namespace headgate::api {

/// GET /v1/models and /v1/models/{id...} for a client of Anthropic's API: its shape, and its pages
/// (`limit`, `after_id`, `before_id`).
Result<edge::Response> anthropic_models(const routing::Catalog& catalog, const Call& call);

}  // namespace headgate::api
