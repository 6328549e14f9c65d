#include <ctime>
#include <iostream>

#include "app/command_config.h"
#include "app/commands.h"
#include "base/encoding.h"
#include "stores/sqlite/backup.h"
#include "stores/sqlite/data_folder.h"
#include "stores/sqlite/schema.h"

namespace headgate::app {
namespace {

/// 20260131T235959Z
std::string compact_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[20];
  return {text, std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts)};
}

std::string counts(const stores::sqlite::Copied& copied) {
  return std::to_string(copied.jobs) + " jobs, " + std::to_string(copied.bytes) + " bytes";
}

std::string counts_json(const stores::sqlite::Copied& copied) {
  return R"("jobs":)" + std::to_string(copied.jobs) + R"(,"bytes":)" + std::to_string(copied.bytes);
}

}  // namespace

int backup_store(const BackupOptions& options) {
  auto loaded = load_config(options.config);
  if (!loaded) {
    return complain(loaded.error(), kBadUsage);
  }
  auto copied = stores::sqlite::backup(config::sqlite_path(loaded->settings), options.file);
  if (!copied) {
    return complain(copied.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::cout << R"({"file":)" << json_quote(options.file) << "," << counts_json(*copied) << "}\n";
  } else {
    std::cout << options.file << ": " << counts(*copied) << ", checked.\n";
  }
  return kSuccess;
}

int restore_store(const BackupOptions& options) {
  auto loaded = load_config(options.config);
  if (!loaded) {
    return complain(loaded.error(), kBadUsage);
  }
  auto lock = stores::sqlite::DataFolderLock::take(loaded->settings.data_dir);
  if (!lock) {
    return complain(lock.error(), kFailure);
  }
  auto restored = stores::sqlite::restore(options.file, config::sqlite_path(loaded->settings),
                                          stores::sqlite::schema().size(), compact_time());
  if (!restored) {
    return complain(restored.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::cout << R"({"file":)" << json_quote(options.file) << "," << counts_json(*restored)
              << R"(,"replaced":)"
              << (restored->replaced.empty() ? "null" : json_quote(restored->replaced)) << "}\n";
    return kSuccess;
  }
  std::cout << options.file << " is in place: " << counts(*restored) << ".\n";
  if (!restored->replaced.empty()) {
    std::cout << "What was there before: " << restored->replaced << "\n";
  }
  return kSuccess;
}

}  // namespace headgate::app
