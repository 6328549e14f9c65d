#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "stores/user_store.h"

namespace headgate::auth {

/// The secret that signs access tokens: the configured one, else the one in `<data_dir>/jwt-secret`
/// (mode 0600), made at the first start. Fails if a secret, also an old one, is shorter than 32
/// bytes, or if the file cannot be read or is open to others.
Result<config::Secret> load_jwt_secret(const config::AuthSettings& settings,
                                       const std::string& data_dir);

/// What the start did about the admin user.
struct FirstStart {
  bool admin_created = false;
  std::string
      generated_password;     ///< to be shown once; empty if it was configured or nothing was done
  std::string password_file;  ///< where it was written, mode 0600
  std::string warning;        ///< to be shown; empty: nothing to warn of
};

/// Makes the admin user if there is no user yet, with the configured password or a generated one.
///
/// A weak configured password (the user's name, one of a few known ones, shorter than 8 bytes) is
/// refused at every start unless each listener is on loopback; there it is a warning. So is an
/// admin user in the store whose password is its name or "admin". Hashes passwords: slow.
Result<FirstStart> create_first_admin(const config::Settings& settings, stores::UserStore& users,
                                      std::int64_t now_ms);

}  // namespace headgate::auth
