#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/commands.h"
#include "base/result.h"
#include "config/settings.h"
#include "model/principal.h"
#include "stores/sqlite/database.h"

namespace headgate::app {

/// A configuration and the database it names.
struct OpenStore {
  config::Settings settings;
  std::unique_ptr<stores::sqlite::Database> database;

  bool has_tier(const std::string& name) const {
    return name == "default" || settings.tiers.contains(name);
  }
};

/// Opens the database of the configured data folder, made if missing. A gateway that runs on it
/// notices changes within a second.
Result<OpenStore> open_store(const ConfigOptions& options);

/// The scopes of these names; of none: all inference, models and jobs.
Result<model::ScopeSet> scopes_of(const std::vector<std::string>& names);

}  // namespace headgate::app
