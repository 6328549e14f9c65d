#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/principal.h"

namespace headgate::stores {

struct UserRecord {
  std::string name;
  std::string password_hash;  ///< Argon2id in libsodium's text form
  model::ScopeSet scopes;
  std::string tier = "default";
  std::int64_t created_at = 0;  ///< Unix milliseconds
  /// Grows when the user's tokens must end: password, scopes, disabling. Starts at the time of
  /// creation, so that tokens of an earlier user of this name stay dead.
  std::int64_t epoch = 0;
  std::optional<std::int64_t> disabled_at;
};

/// Unset: as it was.
struct UserChange {
  std::optional<std::string> password_hash;
  std::optional<model::ScopeSet> scopes;
  std::optional<std::string> tier;
  std::optional<std::optional<std::int64_t>> disabled_at;
};

/// Users on disk. Calls block: run them on the blocking pool. Safe from any thread. A change is on
/// disk when its call returns.
class UserStore {
 public:
  virtual ~UserStore() = default;
  /// Conflict if the name exists.
  virtual Result<void> add(const UserRecord& record) = 0;
  virtual Result<std::optional<UserRecord>> find(const std::string& name) = 0;
  /// By name.
  virtual Result<std::vector<UserRecord>> list() = 0;
  /// NotFound if there is no such user; Unprocessable if no enabled admin would be left. Anything
  /// but the tier raises the user's epoch; a new password and disabling end the refresh tokens.
  virtual Result<void> change(const std::string& name, const UserChange& change) = 0;
  /// As change(); the refresh tokens go with the user.
  virtual Result<void> remove(const std::string& name) = 0;
};

}  // namespace headgate::stores
