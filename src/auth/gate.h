#pragma once

#include <memory>

#include "auth/directory.h"
#include "auth/jwt.h"
#include "base/clock.h"
#include "base/result.h"
#include "edge/handler.h"

namespace headgate::auth {

/// Says who is asking: X-API-Key, or Authorization: Bearer with a key or an access token. No locks,
/// no I/O. Safe from any thread.
class Gate final {
 public:
  /// Borrows all.
  Gate(const Directory& directory, const JwtSigner& signer, const Clock& clock)
      : directory_(directory), signer_(signer), clock_(clock) {}

  /// Unauthenticated without good credentials; InvalidRequest if they are given twice or in the
  /// URL; Forbidden from an address that is not allowed.
  Result<std::shared_ptr<const model::Principal>> authenticate(
      const edge::Request& request, const model::RequestContext& context) const;

 private:
  Result<std::shared_ptr<const model::Principal>> by_key(std::string_view key) const;
  Result<std::shared_ptr<const model::Principal>> by_token(std::string_view token) const;

  const Directory& directory_;
  const JwtSigner& signer_;
  const Clock& clock_;
};

}  // namespace headgate::auth
