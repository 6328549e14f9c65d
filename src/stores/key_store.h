#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "model/principal.h"

namespace headgate::stores {

/// An API key as it is kept: the hash of the secret, never the secret.
struct ApiKeyRecord {
  std::string id;  ///< public part, 12 characters
  std::string name;
  Sha256 hash{};  ///< of the whole key text
  model::ScopeSet scopes;
  std::string tier = "default";
  std::int64_t created_at = 0;  ///< Unix milliseconds, like all times here
  std::optional<std::int64_t> expires_at;
  std::optional<std::int64_t> disabled_at;   ///< refused while set
  std::optional<std::int64_t> revoked_at;    ///< refused for good
  std::optional<std::int64_t> last_used_at;  ///< coarse: late by some minutes
  std::optional<std::int64_t> budget_day;    ///< in millionths of a dollar; unset: the tier's
  std::optional<std::int64_t> budget_month;
};

/// What an administrator may change of a key; unset: as it was.
struct ApiKeyChange {
  std::optional<std::string> name;
  std::optional<model::ScopeSet> scopes;
  std::optional<std::string> tier;
  std::optional<std::optional<std::int64_t>> expires_at;   ///< inner nullopt: never
  std::optional<std::optional<std::int64_t>> disabled_at;  ///< inner nullopt: enabled again
  std::optional<std::optional<std::int64_t>> budget_day;   ///< inner nullopt: the tier's
  std::optional<std::optional<std::int64_t>> budget_month;
};

/// When a key was used last.
struct ApiKeyUse {
  std::string id;
  std::int64_t at = 0;
};

/// API keys on disk. Calls block: run them on the blocking pool. Safe from any thread. A change is
/// on disk when its call returns.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  /// Conflict if the id or hash exists.
  virtual Result<void> add(const ApiKeyRecord& record) = 0;
  /// Newest first, revoked ones too.
  virtual Result<std::vector<ApiKeyRecord>> list() = 0;
  virtual Result<std::optional<ApiKeyRecord>> find(const std::string& id) = 0;
  /// NotFound if there is no such key.
  virtual Result<void> change(const std::string& id, const ApiKeyChange& change) = 0;
  /// Marks the key revoked; a second call keeps the first time. NotFound if there is no such key.
  virtual Result<void> revoke(const std::string& id, std::int64_t now) = 0;
  /// Notes when keys were used, all in one transaction. A time before the noted one and an unknown
  /// id change nothing.
  virtual Result<void> note_use(std::span<const ApiKeyUse> uses) = 0;
  /// Grows whenever any process changes the database; cheap to ask.
  virtual Result<std::int64_t> version() = 0;
};

}  // namespace headgate::stores
