#pragma once

#include <string>

#include "routing/catalog.h"

namespace headgate::api {

/// What clients read of a model, as OpenAI lists them, with what the configuration knows besides:
/// its largest window and answer, what it can do on some target, and what it costs on its first.
std::string model_object(const routing::Model& model);

}  // namespace headgate::api
