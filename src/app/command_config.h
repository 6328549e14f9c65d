#pragma once

#include <memory>

#include "app/commands.h"
#include "base/result.h"
#include "config/load.h"

namespace headgate::app {

/// The configuration that `options` describe.
Result<config::LoadedConfig> load_config(const ConfigOptions& options);
/// Prints an error to stderr, a line for each problem, and returns `code`.
int complain(const Error& error, int code);

}  // namespace headgate::app
