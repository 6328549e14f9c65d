#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "stores/user_store.h"

namespace headgate::auth {

/// The secret that signs access tokens: the configured one, else the one in `<data_dir>/jwt-secret`
/// (mode 0600), made at the first start. Fails if the file cannot be read or is open to others.
Result<config::Secret> load_jwt_secret(const config::AuthSettings& settings,
                                       const std::string& data_dir);

/// What the first start did.
struct FirstStart {
  bool admin_created = false;
  std::string
      generated_password;     ///< to be shown once; empty if it was configured or nothing was done
  std::string password_file;  ///< where it was written, mode 0600
};

/// Makes the admin user if there is no user yet, with the configured password or a generated one. A
/// weak configured password (the user's name, "admin", "password", shorter than 8 bytes) is refused
/// unless every listener is on loopback. Hashes a password: slow.
Result<FirstStart> create_first_admin(const config::Settings& settings, stores::UserStore& users,
                                      std::int64_t now_ms);

}  // namespace headgate::auth
