#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "auth/directory.h"
#include "auth/jwt.h"
#include "auth/login_throttle.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"

namespace headgate::auth {

/// What a login or refresh yields.
struct TokenPair {
  std::string access_token;
  std::string refresh_token;
  std::chrono::seconds expires_in{};
  std::string scope;
};

/// Logins, refresh rotation and revocation. Safe from any event loop; hashing and the store run on
/// the pools.
class TokenService final {
 public:
  struct Parts {
    stores::UserStore* users;
    stores::TokenStore* tokens;
    const Directory* directory;
    const JwtSigner* signer;
    BlockingPool* store_pool;
    BlockingPool* password_pool;  ///< few threads, short line: logins cannot eat the machine
    const Clock* clock;
    std::chrono::milliseconds access_ttl;
    std::chrono::milliseconds refresh_ttl;
    /// Reads the stores again so that a revocation counts at once.
    std::function<void()> refresh_directory;
  };
  /// Borrows what `parts` points to.
  explicit TokenService(Parts parts) : parts_(std::move(parts)) {}

  /// Unauthenticated for a wrong name or password (the same for both), RateLimited after too many.
  /// `scope` (names, spaces) asks for a part of the user's scopes; empty: all.
  Task<Result<TokenPair>> login(std::string user, std::string password, std::string scope,
                                std::string address);
  /// Rotates a refresh token; the scopes are those of its login that the user still has.
  /// Unauthenticated `invalid_grant` if it is unknown, expired or was used.
  Task<Result<TokenPair>> refresh(std::string refresh_token);
  /// Ends a refresh token's family, or an access token. Succeeds also for unknown tokens (RFC
  /// 7009).
  Task<Result<void>> revoke(std::string token);

 private:
  TokenPair issue(const stores::UserRecord& user, model::ScopeSet scopes,
                  std::string refresh_token) const;
  /// A login that ended before its password was checked does not count.
  void abandon(const std::string& user, const std::string& address);

  Parts parts_;
  std::mutex mutex_;  // guards `throttle_`
  LoginThrottle throttle_;
};

/// "inference:text admin" for a set of scopes.
std::string scope_text(model::ScopeSet scopes);
/// The set behind such a text; InvalidRequest naming the first unknown scope.
Result<model::ScopeSet> parse_scopes(std::string_view text);

}  // namespace headgate::auth
