#pragma once

#include <string>

#include "config/assign.h"
#include "config/node.h"
#include "config/settings.h"

namespace headgate::config {

/// Every option of `settings` as a tree, in the order of the option table.
Node written_tree(Settings settings, Masking masking);

/// The effective configuration with secrets as ***: for check-config and GET /admin/config.
std::string to_yaml(const Settings& settings);
std::string to_json(const Settings& settings);

/// A tree as text; `to_yaml(Node)` can be read by read_yaml.
std::string to_yaml(const Node& tree);
std::string to_json(const Node& tree);

}  // namespace headgate::config
