#pragma once

#include <string>

namespace headgate::config {

/// docs/configuration.md: every option with type, default, environment name and meaning.
std::string options_markdown();

/// The same for a terminal, one option a line.
std::string options_text();

}  // namespace headgate::config
