#pragma once

#include <functional>

#include "api/route.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "config/settings.h"
#include "stores/key_store.h"

namespace headgate::api {

/// What the key endpoints work with; all borrowed.
struct KeyAdministration {
  stores::KeyStore* keys;
  BlockingPool* pool;
  const Clock* clock;
  /// Makes a change count at once on this gateway. Called on the pool.
  std::function<void()> refresh_directory;
  std::function<bool(const std::string& tier)> tier_exists;
  /// Of keys that name no expiry; 0: for ever.
  std::function<std::chrono::milliseconds()> default_lifetime;
};

/// GET /admin/keys?limit&after, newest first.
class ListKeys final : public Endpoint {
 public:
  explicit ListKeys(const KeyAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const KeyAdministration& administration_;
};

/// POST /admin/keys {name, scopes, tier?, expires_at?, disabled?, budget_day?, budget_month?}: the
/// key's text is in this answer and nowhere else. Budgets are in USD.
class CreateKey final : public Endpoint {
 public:
  explicit CreateKey(const KeyAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const KeyAdministration& administration_;
};

/// PATCH /admin/keys/{id} with any of the same; expires_at null: never, a budget null: the tier's.
class ChangeKey final : public Endpoint {
 public:
  explicit ChangeKey(const KeyAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const KeyAdministration& administration_;
};

/// DELETE /admin/keys/{id}: revokes.
class RevokeKey final : public Endpoint {
 public:
  explicit RevokeKey(const KeyAdministration& administration) : administration_(administration) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const KeyAdministration& administration_;
};

/// A key as JSON, without its hash.
std::string key_json(const stores::ApiKeyRecord& record);

}  // namespace headgate::api
