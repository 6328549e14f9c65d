#include "stores/sqlite/schema.h"

#include "stores/sqlite/schema_jobs.h"
#include "stores/sqlite/schema_retention.h"
#include "stores/sqlite/schema_usage.h"
#include "stores/sqlite/schema_webhooks.h"

namespace headgate::stores::sqlite {
namespace {

// Times are Unix milliseconds, scopes the bits of model::ScopeSet.
constexpr std::string_view kIdentity = R"sql(
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  scopes INTEGER NOT NULL,
  tier TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  disabled_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER
) STRICT;
CREATE TABLE users (
  name TEXT PRIMARY KEY,
  password_hash TEXT NOT NULL,
  scopes INTEGER NOT NULL,
  tier TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT;
CREATE TABLE refresh_tokens (
  hash BLOB PRIMARY KEY,
  family TEXT NOT NULL,
  user TEXT NOT NULL,
  scopes INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  spent_at INTEGER
) STRICT;
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user);
CREATE TABLE revoked_access (
  jti TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT;
)sql";

}  // namespace

const Migrations& schema() {
  static const Migrations all = {kIdentity,  kJobTables,      kWebhookTables, kUsageTables,
                                 kJobExpiry, kRetentionIndex, kUsageEstimates};
  return all;
}

}  // namespace headgate::stores::sqlite
