#include "auth/gate.h"

#include <array>
#include <optional>
#include <utility>

#include "auth/tokens.h"
#include "base/clock.h"

namespace headgate::auth {
namespace {

struct Credentials {
  std::optional<std::string_view> key;     // X-API-Key
  std::optional<std::string_view> bearer;  // Authorization: Bearer
};

Result<Credentials> find_credentials(const edge::Request& request) {
  Credentials found;
  bool authorization_seen = false;
  for (const edge::Field& field : request.fields) {
    if (field.name.size() == 9 && ascii_equal_ignore_case(field.name, "x-api-key")) {
      if (found.key) {
        return fail(invalid_request("X-API-Key is given more than once."));
      }
      found.key = field.value;
    } else if (field.name.size() == 13 && ascii_equal_ignore_case(field.name, "authorization")) {
      if (std::exchange(authorization_seen, true)) {
        return fail(invalid_request("Authorization is given more than once."));
      }
      constexpr std::string_view kBearer = "bearer ";
      if (field.value.size() <= kBearer.size() ||
          !ascii_equal_ignore_case(field.value.substr(0, kBearer.size()), kBearer)) {
        return fail(unauthenticated("Authorization must be: Bearer <API key or access token>"));
      }
      found.bearer = field.value.substr(kBearer.size());
    }
  }
  return found;
}

/// Credentials in a URL end up in logs and histories.
bool has_credential_in_query(std::string_view query) {
  constexpr std::array<std::string_view, 6> kNames = {
      "api_key=", "apikey=", "api-key=", "key=", "token=", "access_token="};
  while (!query.empty()) {
    for (const std::string_view name : kNames) {
      if (ascii_equal_ignore_case(query.substr(0, name.size()), name)) {
        return true;
      }
    }
    const std::size_t end = query.find('&');
    if (end == std::string_view::npos) {
      return false;
    }
    query.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

Result<std::shared_ptr<const model::Principal>> Gate::by_key(std::string_view key) const {
  const Sha256 hash = sha256(key);
  const Snapshot& snapshot = directory_.current();
  const auto found = snapshot.keys.find(hash);
  if (found == snapshot.keys.end() ||
      !equal_in_constant_time(as_view(found->second.hash), as_view(hash))) {
    return fail(unauthenticated("The API key is not valid."));
  }
  const std::int64_t now = unix_ms(clock_);
  if (found->second.expires_at && *found->second.expires_at <= now) {
    return fail(unauthenticated("The API key has expired."));
  }
  if (found->second.use) {
    found->second.use->mark(now);
  }
  return found->second.principal;
}

Result<std::shared_ptr<const model::Principal>> Gate::by_token(std::string_view token) const {
  auto claims = signer_.verify(token, unix_ms(clock_) / 1000);
  if (!claims) {
    return fail(claims.error());
  }
  const Snapshot& snapshot = directory_.current();
  const auto user = snapshot.users.find(claims->subject);
  if (user == snapshot.users.end() || user->second.epoch != claims->epoch ||
      snapshot.revoked_tokens.contains(claims->jti)) {
    Error error = unauthenticated("The access token is not valid.");
    error.code = "invalid_token";
    error.detail = "jwt: revoked, or the user has changed";
    return fail(std::move(error));
  }
  const model::ScopeSet full = user->second.principal->scopes;
  const auto granted = parse_scopes(claims->scope);
  if (!granted) {
    return fail(granted.error());
  }
  if (*granted == full) {
    return user->second.principal;
  }
  auto narrowed = std::make_shared<model::Principal>(*user->second.principal);
  narrowed->scopes = full.contains(model::Scope::Admin)
                         ? *granted
                         : model::ScopeSet::from_bits(full.bits() & granted->bits());
  return std::shared_ptr<const model::Principal>(std::move(narrowed));
}

Result<std::shared_ptr<const model::Principal>> Gate::authenticate(
    const edge::Request& request, const model::RequestContext& context) const {
  const config::CidrSet& allowed = directory_.current().allowed;
  if (!allowed.empty() && !allowed.contains(context.remote_address)) {
    return fail(forbidden("Requests from this address are not allowed."));
  }
  if (has_credential_in_query(request.query)) {
    return fail(invalid_request("Credentials belong in a header, not in the URL."));
  }
  auto given = find_credentials(request);
  if (!given) {
    return fail(given.error());
  }
  if (given->key && given->bearer && *given->key != *given->bearer) {
    return fail(invalid_request("X-API-Key and Authorization carry different credentials."));
  }
  const auto credential = given->key ? given->key : given->bearer;
  if (!credential) {
    return fail(unauthenticated("Not authenticated: send X-API-Key or Authorization: Bearer."));
  }
  return !given->key && looks_like_jwt(*credential) ? by_token(*credential) : by_key(*credential);
}

}  // namespace headgate::auth
