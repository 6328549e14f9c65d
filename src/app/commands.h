#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headgate::app {

/// Exit codes of every command.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;   ///< the work failed: the message says why
inline constexpr int kBadUsage = 2;  ///< the command line or the configuration is wrong

/// Text for people on a terminal, JSON for programs.
enum class OutputFormat : std::uint8_t { Text, Json };

/// Where the configuration comes from, for every command that needs one.
struct ConfigOptions {
  std::string file;                    ///< empty: the default places
  std::string data_dir;                ///< empty: as configured
  std::vector<std::string> listen;     ///< empty: as configured
  std::vector<std::string> overrides;  ///< path=value
};

/// Runs the gateway until SIGTERM or SIGINT; SIGHUP reloads the configuration.
int serve(const ConfigOptions& options);
/// Validates a configuration and prints the effective one, secrets masked.
int check_config(const ConfigOptions& options, OutputFormat format);

struct KeyOptions {
  ConfigOptions config;
  std::string name;
  std::vector<std::string> scopes;  ///< empty: all inference scopes and models:read
  std::string tier = "default";
  double budget_day = -1;  ///< USD; negative: as the tier
  double budget_month = -1;
  std::string id;  ///< for revoke
  OutputFormat format = OutputFormat::Text;
};
int keys_create(const KeyOptions& options);
int keys_list(const KeyOptions& options);
int keys_revoke(const KeyOptions& options);

struct UserOptions {
  ConfigOptions config;
  std::string name;
  std::vector<std::string> scopes;
  std::string tier = "default";
  OutputFormat format = OutputFormat::Text;
};
/// The password is read from standard input, without echo on a terminal.
int users_add(const UserOptions& options);
int users_passwd(const UserOptions& options);
int users_list(const UserOptions& options);

struct BackupOptions {
  ConfigOptions config;
  std::string file;
  OutputFormat format = OutputFormat::Text;
};
/// Copies the database while a gateway may be running on it.
int backup_store(const BackupOptions& options);
/// Puts a backup in the database's place; no gateway may be running on it.
int restore_store(const BackupOptions& options);

enum class DocumentWork : std::uint8_t { Ocr, Classify, Extract };
struct DocumentOptions {
  ConfigOptions config;
  std::string file;
  std::string type;  ///< for Extract; empty: classify first
  OutputFormat format = OutputFormat::Text;
};
/// Reads a file on this machine, without a server.
int read_document_file(DocumentWork work, const DocumentOptions& options);

}  // namespace headgate::app
