#pragma once

#include <string>
#include <vector>

#include "config/node.h"
#include "config/options.h"

namespace headgate::config {

/// Everything that is wrong with a configuration, each line with its place.
using Problems = std::vector<std::string>;

/// Puts the values of `tree` into `settings` by the option table. Unknown keys, wrong types and
/// values out of bounds become problems; the rest is still read, so that one run shows them all.
void decode(const Node& tree, Settings& settings, Problems& problems);

/// Lays `over` on `base`: options and lists replace, sections merge, a tier, provider, model or
/// route of the same name is replaced as a whole.
void merge(Node& base, Node over);

}  // namespace headgate::config
