#include <iostream>
#include <utility>

#include <termios.h>
#include <unistd.h>

#include "app/command_config.h"
#include "app/commands.h"
#include "app/open_store.h"
#include "auth/passwords.h"
#include "auth/tokens.h"
#include "auth/user_name.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "stores/sqlite/stores.h"

namespace headgate::app {
namespace {

/// Reads a password from standard input, without echo on a terminal, and hashes it.
Result<std::string> read_password(const std::string& user) {
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
  if (auth::is_weak_password(password, user)) {
    return fail(invalid_request(
        "This password is too easy to guess: at least 8 characters, not the user's name, not one "
        "that everyone tries first."));
  }
  return auth::hash_password(password);
}

std::string user_json(const stores::UserRecord& record) {
  return R"({"name":)" + json_quote(record.name) + R"(,"tier":)" + json_quote(record.tier) +
         R"(,"disabled":)" + (record.disabled_at ? "true" : "false") + R"(,"scopes":)" +
         json_quote(auth::scope_text(record.scopes)) + "}";
}

}  // namespace

int users_add(const UserOptions& options) {
  auto opened = open_store(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto named = auth::check_user_name(options.name);
  if (!named) {
    return complain(named.error(), kBadUsage);
  }
  auto scopes = scopes_of(options.scopes);
  if (!scopes) {
    return complain(scopes.error(), kBadUsage);
  }
  if (!opened->has_tier(options.tier)) {
    return complain(invalid_request("There is no tier '" + options.tier + "'."), kBadUsage);
  }
  auto hash = read_password(options.name);
  if (!hash) {
    return complain(hash.error(), kBadUsage);
  }
  stores::UserRecord record;
  record.name = options.name;
  record.password_hash = std::move(*hash);
  record.scopes = *scopes;
  record.tier = options.tier;
  record.created_at = unix_ms(std::chrono::system_clock::now());
  record.epoch = record.created_at;
  auto added = stores::sqlite::make_user_store(*opened->database)->add(record);
  if (!added) {
    return complain(added.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::cout << user_json(record) << "\n";
  } else {
    std::cout << "User " << options.name << " is added.\n";
  }
  return kSuccess;
}

int users_passwd(const UserOptions& options) {
  auto opened = open_store(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto hash = read_password(options.name);
  if (!hash) {
    return complain(hash.error(), kBadUsage);
  }
  stores::UserChange change;
  change.password_hash = std::move(*hash);
  auto changed = stores::sqlite::make_user_store(*opened->database)->change(options.name, change);
  if (!changed) {
    return complain(changed.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::cout << R"({"name":)" << json_quote(options.name) << R"(,"changed":true})" << "\n";
  } else {
    std::cout << "The password of " << options.name << " is changed; earlier logins end.\n";
  }
  return kSuccess;
}

int users_list(const UserOptions& options) {
  auto opened = open_store(options.config);
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
      json.append(json.size() > 1 ? "," : "").append(user_json(record));
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
