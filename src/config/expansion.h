#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/node.h"

namespace headgate::config {

/// The environment, as a map so that tests need no process state.
using Environment = std::map<std::string, std::string, std::less<>>;

/// What expanding a tree came to.
struct Expansion {
  std::vector<std::string> problems;  ///< each with its place
  std::set<std::string> names;        ///< every name that was asked for
};

/// Replaces `${NAME}` and `${NAME:-default}` in every scalar of `tree`; `$${` stands for `${`. What
/// was put in is not expanded again. The default serves when the name is unset or empty.
Expansion expand(Node& tree, const Environment& environment);

}  // namespace headgate::config
