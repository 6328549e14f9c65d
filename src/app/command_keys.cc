#include <chrono>
#include <cstdio>
#include <iostream>
#include <utility>

#include <termios.h>
#include <unistd.h>

#include "api/admin_keys.h"
#include "app/command_config.h"
#include "app/commands.h"
#include "auth/api_key.h"
#include "auth/passwords.h"
#include "auth/tokens.h"
#include "base/encoding.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"

namespace headgate::app {
namespace {

using stores::sqlite::Database;

struct Opened {
  config::Settings settings;
  std::unique_ptr<Database> database;
};

/// The database of the configured data folder; a running gateway notices changes within a second.
Result<Opened> open(const ConfigOptions& options) {
  auto loaded = load_config(options);
  if (!loaded) {
    return fail(loaded.error());
  }
  const std::string& folder = loaded->settings.data_dir;
  if (::access(folder.c_str(), F_OK) != 0) {
    // Only to make the folder; a gateway that runs has made it long ago.
    auto lock = stores::sqlite::DataFolderLock::take(folder);
    if (!lock) {
      return fail(lock.error());
    }
  }
  auto database = Database::open(config::sqlite_path(loaded->settings), stores::sqlite::schema());
  if (!database) {
    return fail(database.error());
  }
  return Opened{std::move(loaded->settings), std::move(*database)};
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
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

Result<std::string> read_password() {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  termios before{};
  if (terminal) {
    std::cerr << "Password: " << std::flush;
    ::tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  std::string password;
  std::getline(std::cin, password);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::cerr << "\n";
  }
  return auth::hash_password(password);
}

void print_key(const stores::ApiKeyRecord& record) {
  std::cout << record.id << "  " << (record.revoked_at ? "revoked" : "active ") << "  "
            << record.tier << "  " << record.name << "  [" << auth::scope_text(record.scopes)
            << "]\n";
}

}  // namespace

int keys_create(const KeyOptions& options) {
  auto opened = open(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto scopes = scopes_of(options.scopes);
  if (!scopes) {
    return complain(scopes.error(), kBadUsage);
  }
  if (options.tier != "default" && !opened->settings.tiers.contains(options.tier)) {
    return complain(invalid_request("There is no tier '" + options.tier + "'."), kBadUsage);
  }
  const auth::MintedKey minted = auth::mint_api_key();
  stores::ApiKeyRecord record;
  record.id = minted.id;
  record.name = options.name;
  record.hash = sha256(minted.text);
  record.scopes = *scopes;
  record.tier = options.tier;
  record.created_at = now_ms();
  if (opened->settings.auth.key_lifetime.count() > 0) {
    record.expires_at = record.created_at + opened->settings.auth.key_lifetime.count();
  }
  auto added = stores::sqlite::make_key_store(*opened->database)->add(record);
  if (!added) {
    return complain(added.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::string json = api::key_json(record);
    json.pop_back();
    std::cout << json << R"(,"key":)" << json_quote(minted.text) << "}\n";
  } else {
    std::cout << "Key " << record.id << " (" << record.name << "), shown only this once:\n"
              << minted.text << "\n";
  }
  return kSuccess;
}

int keys_list(const KeyOptions& options) {
  auto opened = open(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto records = stores::sqlite::make_key_store(*opened->database)->list();
  if (!records) {
    return complain(records.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::string json = "[";
    for (const stores::ApiKeyRecord& record : *records) {
      json.append(json.size() > 1 ? "," : "").append(api::key_json(record));
    }
    std::cout << json << "]\n";
    return kSuccess;
  }
  for (const stores::ApiKeyRecord& record : *records) {
    print_key(record);
  }
  return kSuccess;
}

int keys_revoke(const KeyOptions& options) {
  auto opened = open(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto revoked = stores::sqlite::make_key_store(*opened->database)->revoke(options.id, now_ms());
  if (!revoked) {
    return complain(revoked.error(), kFailure);
  }
  std::cout << "Key " << options.id
            << " is revoked; a running gateway refuses it within a second.\n";
  return kSuccess;
}

int users_add(const UserOptions& options) {
  auto opened = open(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto scopes = scopes_of(options.scopes);
  if (!scopes) {
    return complain(scopes.error(), kBadUsage);
  }
  auto hash = read_password();
  if (!hash) {
    return complain(hash.error(), kBadUsage);
  }
  stores::UserRecord record;
  record.name = options.name;
  record.password_hash = std::move(*hash);
  record.scopes = *scopes;
  record.tier = options.tier;
  record.created_at = now_ms();
  record.epoch = record.created_at;
  auto added = stores::sqlite::make_user_store(*opened->database)->add(record);
  if (!added) {
    return complain(added.error(), kFailure);
  }
  std::cout << "User " << options.name << " is added.\n";
  return kSuccess;
}

int users_passwd(const UserOptions& options) {
  auto opened = open(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto hash = read_password();
  if (!hash) {
    return complain(hash.error(), kBadUsage);
  }
  stores::UserChange change;
  change.password_hash = std::move(*hash);
  auto changed = stores::sqlite::make_user_store(*opened->database)->change(options.name, change);
  if (!changed) {
    return complain(changed.error(), kFailure);
  }
  std::cout << "The password of " << options.name << " is changed; earlier logins end.\n";
  return kSuccess;
}

int users_list(const UserOptions& options) {
  auto opened = open(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto records = stores::sqlite::make_user_store(*opened->database)->list();
  if (!records) {
    return complain(records.error(), kFailure);
  }
  std::string json = "[";
  for (const stores::UserRecord& record : *records) {
    if (options.format == OutputFormat::Json) {
      json.append(json.size() > 1 ? "," : "")
          .append(R"({"name":)" + json_quote(record.name) + R"(,"tier":)" +
                  json_quote(record.tier) + R"(,"disabled":)" +
                  (record.disabled_at ? "true" : "false") + R"(,"scopes":)" +
                  json_quote(auth::scope_text(record.scopes)) + "}");
    } else {
      std::cout << record.name << "  " << (record.disabled_at ? "disabled" : "active") << "  "
                << record.tier << "  [" << auth::scope_text(record.scopes) << "]\n";
    }
  }
  if (options.format == OutputFormat::Json) {
    std::cout << json << "]\n";
  }
  return kSuccess;
}

}  // namespace headgate::app
