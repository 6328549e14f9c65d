#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace headgate::auth {

/// What an access token says. Times are Unix seconds.
struct AccessClaims {
  std::string subject;  ///< user name
  std::string scope;    ///< names separated by spaces
  std::string jti;
  std::int64_t epoch = 0;  ///< of the user when it was issued
  std::int64_t issued_at = 0;
  std::int64_t expires_at = 0;
};

/// Signs and checks access tokens (RFC 7519, RFC 9068 `at+jwt`) with HS256 and nothing else. The
/// key id in the header is derived from the secret. Immutable.
class JwtSigner final {
 public:
  /// `secret` signs; `old_secrets` are accepted too. Each has at least 32 bytes.
  JwtSigner(const config::Secret& secret, const std::vector<config::Secret>& old_secrets,
            std::string issuer);

  std::string sign(const AccessClaims& claims) const;
  /// The claims of a token that is ours, whole and in its time (60 s leeway); Unauthenticated for
  /// any other text, with the reason in `detail` only.
  Result<AccessClaims> verify(std::string_view token, std::int64_t now) const;

 private:
  struct Key {
    std::string id;
    std::string secret;
  };
  std::vector<Key> keys_;  // the first one signs
  std::string issuer_;
};

/// Whether a bearer text has the shape of a JWT: a JSON object in base64url, and three parts.
bool looks_like_jwt(std::string_view text);

}  // namespace headgate::auth
