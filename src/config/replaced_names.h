#pragma once

#include <string>
#include <vector>

#include "config/expansion.h"
#include "config/node.h"

namespace headgate::config {

/// What the replaced names need to know about the rest of the configuration.
struct ReplacedContext {
  bool models_configured = false;  ///< the file names models of its own
  bool listen_configured = false;  ///< HEADGATE_SERVER_LISTEN or --set decides where to listen
};

/// Gives the environment names of the systems this gateway replaces (GATEWAY_API_KEY, RUNPOD_*,
/// OPENAI_API_KEY, ...) their meaning in `tree`, which holds the defaults and the file. A provider,
/// model or key that the file describes is left alone. Returns warnings; appends to `problems`.
std::vector<std::string> apply_replaced_names(const Environment& environment,
                                              const ReplacedContext& context, Node& tree,
                                              std::vector<std::string>& problems);

}  // namespace headgate::config
