#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/node.h"

namespace headgate::config {

inline constexpr std::size_t kMaxYamlBytes = 1 << 20;
inline constexpr unsigned kMaxYamlDepth = 32;
inline constexpr std::size_t kMaxYamlNodes = 100'000;

/// One YAML document of at most kMaxYamlBytes as a tree. `source` names it in messages. Repeated
/// keys, anchors and aliases, tags, and a second document are refused, each with its line.
Result<Node> read_yaml(std::string_view text, std::string source);

}  // namespace headgate::config
