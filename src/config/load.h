#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/expansion.h"
#include "config/settings.h"

namespace headgate::config {

/// Where a configuration comes from. Later sources win: built-in defaults, file, environment
/// (HEADGATE_* before the replaced names), overrides.
struct LoadRequest {
  std::optional<std::string> file;
  Environment environment;
  std::vector<std::string> overrides;  ///< path=value, as given to --set
};

struct LoadedConfig {
  Settings settings;
  std::vector<std::string> warnings;  ///< no secrets; for the operator at start-up
};

/// Reads, checks and completes a configuration. Fails with one message of a line per problem, each
/// with its place; no secrets in it. Blocks on the file.
Result<LoadedConfig> load(const LoadRequest& request);

/// The same with the file's text at hand; `name` is what messages call it.
Result<LoadedConfig> load_text(std::string_view text, std::string name, const LoadRequest& request);

/// This process's environment.
Environment process_environment();

/// headgate.yaml in the working folder, else /etc/headgate/headgate.yaml, else nothing.
std::optional<std::string> default_file();

/// The SQLite file of `store.url`: "sqlite:" is headgate.db in data_dir, "sqlite:PATH",
/// "sqlite:///RELATIVE" and "sqlite:////ABSOLUTE" another one.
std::string sqlite_path(const Settings& settings);

}  // namespace headgate::config
