#pragma once

#include <functional>

#include "api/route.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "stores/user_store.h"

namespace headgate::api {

/// What the user endpoints work with; all borrowed.
struct UserAdministration {
  stores::UserStore* users;
  BlockingPool* store_pool;
  BlockingPool* password_pool;  ///< few threads: hashing cannot eat the machine
  const Clock* clock;
  /// Makes a change count at once on this gateway. Called on the store pool.
  std::function<void()> refresh_directory;
  std::function<bool(const std::string& tier)> tier_exists;
};

/// GET /admin/users?limit&after, by name.
class ListUsers final : public Endpoint {
 public:
  explicit ListUsers(const UserAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const UserAdministration& administration_;
};

/// POST /admin/users {name, password, scopes, tier?}.
class CreateUser final : public Endpoint {
 public:
  explicit CreateUser(const UserAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const UserAdministration& administration_;
};

/// PATCH /admin/users/{name} {password?, scopes?, tier?, disabled?}. All but the tier ends the
/// user's access tokens. 422 `last_admin` if no enabled admin would be left.
class ChangeUser final : public Endpoint {
 public:
  explicit ChangeUser(const UserAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const UserAdministration& administration_;
};

/// DELETE /admin/users/{name}. 422 `last_admin` as above.
class RemoveUser final : public Endpoint {
 public:
  explicit RemoveUser(const UserAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const UserAdministration& administration_;
};

/// A user as JSON, without the password's hash.
std::string user_json(const stores::UserRecord& record);

}  // namespace headgate::api
