#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "api/route.h"
#include "auth/tokens.h"

namespace headgate::api {

/// POST /auth/token: password or refresh grant, as a form (RFC 6749). Missing fields get 422 with
/// the list that FastAPI gives.
class TokenEndpoint final : public Endpoint {
 public:
  enum class PasswordGrant : std::uint8_t { Offered, Refused };
  /// `password_grant` is asked at each request: a reload may change it.
  TokenEndpoint(auth::TokenService& tokens, std::function<PasswordGrant()> password_grant)
      : tokens_(tokens), password_grant_(std::move(password_grant)) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  auth::TokenService& tokens_;
  std::function<PasswordGrant()> password_grant_;
};

/// POST /auth/refresh {"refresh_token"}.
class RefreshEndpoint final : public Endpoint {
 public:
  explicit RefreshEndpoint(auth::TokenService& tokens) : tokens_(tokens) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  auth::TokenService& tokens_;
};

/// POST /auth/revoke: {"token"} as JSON or form (RFC 7009); without one, the access token that
/// asks.
class RevokeEndpoint final : public Endpoint {
 public:
  explicit RevokeEndpoint(auth::TokenService& tokens) : tokens_(tokens) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  auth::TokenService& tokens_;
};

}  // namespace headgate::api
