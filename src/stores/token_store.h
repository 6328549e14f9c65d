#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "model/principal.h"

namespace headgate::stores {

/// One refresh token; a family is the chain that began with one login.
struct RefreshTokenRecord {
  Sha256 hash{};
  std::string family;
  std::string user;
  model::ScopeSet scopes;       ///< what the login asked for; no refresh gives more
  std::int64_t expires_at = 0;  ///< Unix milliseconds
};

/// An access token that was revoked before its time.
struct RevokedToken {
  std::string jti;
  std::int64_t expires_at = 0;
};

/// Refresh tokens and revocations on disk. Calls block: run them on the blocking pool. Safe from
/// any thread. A change is on disk when its call returns.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual Result<void> add(const RefreshTokenRecord& record) = 0;

  enum class Use : std::uint8_t {
    Rotated,  ///< was good: is spent now and `next` takes its place
    Reused,   ///< was spent already: its whole family is revoked now
    Unknown,  ///< never existed, revoked, or expired
  };
  struct Rotation {
    Use use = Use::Unknown;
    std::string user;        ///< whose it is, if Rotated or Reused
    model::ScopeSet scopes;  ///< of the family, if Rotated
  };
  /// Spends the token with this hash and stores its successor under `next_hash` in the same family,
  /// in one transaction: of many concurrent calls exactly one gets Rotated.
  virtual Result<Rotation> rotate(const Sha256& hash, const Sha256& next_hash,
                                  std::int64_t next_expires_at, std::int64_t now) = 0;
  /// Revokes the family of the token with this hash; false if it is unknown.
  virtual Result<bool> revoke_family(const Sha256& hash) = 0;
  /// Ends every refresh token of a user.
  virtual Result<void> revoke_user(const std::string& user) = 0;

  virtual Result<void> revoke_access(const RevokedToken& token) = 0;
  /// Those that have not expired at `now`; older ones are deleted.
  virtual Result<std::vector<RevokedToken>> revoked_access(std::int64_t now) = 0;
};

}  // namespace headgate::stores
