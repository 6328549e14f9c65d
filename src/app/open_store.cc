#include "app/open_store.h"

#include <chrono>
#include <utility>

#include "app/command_config.h"
#include "auth/tokens.h"
#include "stores/sqlite/data_folder.h"
#include "stores/sqlite/schema.h"

namespace headgate::app {

Result<OpenStore> open_store(const ConfigOptions& options) {
  auto loaded = load_config(options);
  if (!loaded) {
    return fail(loaded.error());
  }
  auto folder = stores::sqlite::make_data_folder(loaded->settings.data_dir);
  if (!folder) {
    return fail(folder.error());
  }
  auto database = stores::sqlite::Database::open(config::sqlite_path(loaded->settings),
                                                 stores::sqlite::schema());
  if (!database) {
    return fail(database.error());
  }
  return OpenStore{std::move(loaded->settings), std::move(*database)};
}

Result<model::ScopeSet> scopes_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text.append(text.empty() ? "" : " ").append(name);
  }
  return auth::parse_scopes(text.empty() ? "inference:text inference:image inference:audio "
                                           "inference:document models:read jobs:read jobs:write"
                                         : text);
}

}  // namespace headgate::app
