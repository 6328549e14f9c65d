#include "auth/tokens.h"

#include <algorithm>
#include <utility>

#include "auth/passwords.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"

namespace headgate::auth {
namespace {

constexpr std::string_view kRefreshPrefix = "rt_";
constexpr std::size_t kRefreshLength = 43;  // 256 bits in base62

Error invalid_grant(std::string message) {
  Error error = unauthenticated(std::move(message));
  error.code = "invalid_grant";
  return error;
}

std::string mint_refresh_token() {
  return std::string(kRefreshPrefix) + random_base62(kRefreshLength);
}

}  // namespace

std::string scope_text(model::ScopeSet scopes) {
  std::string text;
  for (std::size_t i = 0; i < model::kScopeNames.size(); ++i) {
    if (scopes.contains(static_cast<model::Scope>(i))) {
      text.append(text.empty() ? "" : " ").append(model::kScopeNames[i]);
    }
  }
  return text;
}

Result<model::ScopeSet> parse_scopes(std::string_view text) {
  model::ScopeSet scopes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ,"), text.size());
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) {
      continue;
    }
    const auto scope = model::scope_named(name);
    if (!scope) {
      std::string known;
      for (const std::string_view one : model::kScopeNames) {
        known.append(known.empty() ? "" : ", ").append(one);
      }
      return fail(invalid_request(
          "There is no scope '" + std::string(name.substr(0, 64)) + "'; scopes are: " + known,
          "scopes"));
    }
    scopes.add(*scope);
  }
  return scopes;
}

TokenPair TokenService::issue(const stores::UserRecord& user, model::ScopeSet scopes,
                              std::string refresh_token) const {
  const std::int64_t now = unix_ms(*parts_.clock) / 1000;
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(parts_.access_ttl);
  const std::string scope = scope_text(scopes);
  return {.access_token = parts_.signer->sign({.subject = user.name,
                                               .scope = scope,
                                               .jti = uuid_v7(),
                                               .epoch = user.epoch,
                                               .issued_at = now,
                                               .expires_at = now + ttl.count()}),
          .refresh_token = std::move(refresh_token),
          .expires_in = ttl,
          .scope = scope};
}

void TokenService::abandon(const std::string& user, const std::string& address) {
  const std::lock_guard lock(mutex_);
  throttle_.abandoned(user, address);
}

Task<Result<TokenPair>> TokenService::login(std::string user, std::string password,
                                            std::string scope, std::string address) {
  auto asked = parse_scopes(scope);
  if (!asked) {
    co_return fail(asked.error());
  }
  std::chrono::milliseconds wait{0};
  {
    const std::lock_guard lock(mutex_);
    wait = throttle_.begin(user, address, parts_.clock->steady());
  }
  if (wait.count() > 0) {
    Error error;
    error.kind = ErrorKind::RateLimited;
    error.origin = Origin::Client;
    error.message = "Too many failed logins; please wait before the next one.";
    error.code = "login_throttled";
    error.retry_after = wait;
    co_return fail(std::move(error));
  }
  auto found = co_await parts_.store_pool->run([&] { return parts_.users->find(user); });
  if (!found || !*found) {
    abandon(user, address);
    co_return fail(found ? found->error() : found.error());
  }
  const auto& record = **found;
  const std::string hash = record && !record->disabled_at ? record->password_hash : std::string();
  auto right = co_await parts_.password_pool->run([&] { return verify_password(password, hash); });
  if (!right) {
    abandon(user, address);
    co_return fail(right.error());
  }
  if (!*right) {
    co_return fail(invalid_grant("Incorrect username or password"));
  }
  {
    const std::lock_guard lock(mutex_);
    throttle_.succeeded(user, address);
  }
  model::ScopeSet scopes = record->scopes;
  if (!asked->empty()) {
    const bool all_allowed =
        scopes.contains(model::Scope::Admin) || (asked->bits() & ~scopes.bits()) == 0;
    if (!all_allowed) {
      Error error = forbidden("The user does not have all the scopes asked for.");
      error.code = "invalid_scope";
      co_return fail(std::move(error));
    }
    scopes = *asked;
  }
  std::string token = mint_refresh_token();
  const stores::RefreshTokenRecord refresh{
      .hash = sha256(token),
      .family = uuid_v7(),
      .user = record->name,
      .scopes = scopes,
      .expires_at = unix_ms(*parts_.clock) + parts_.refresh_ttl.count()};
  auto stored = co_await parts_.store_pool->run([&] { return parts_.tokens->add(refresh); });
  if (!stored || !*stored) {
    co_return fail(stored ? stored->error() : stored.error());
  }
  co_return issue(*record, scopes, std::move(token));
}

Task<Result<TokenPair>> TokenService::refresh(std::string refresh_token) {
  std::string next = mint_refresh_token();
  const Sha256 hash = sha256(refresh_token);
  const Sha256 next_hash = sha256(next);
  const std::int64_t now = unix_ms(*parts_.clock);
  auto rotated = co_await parts_.store_pool->run([&] {
    return parts_.tokens->rotate(hash, next_hash, now + parts_.refresh_ttl.count(), now);
  });
  if (!rotated || !*rotated) {
    co_return fail(rotated ? rotated->error() : rotated.error());
  }
  if ((*rotated)->use != stores::TokenStore::Use::Rotated) {
    Error error = invalid_grant("The refresh token is not valid.");
    if ((*rotated)->use == stores::TokenStore::Use::Reused) {
      error.detail = "refresh token of " + (*rotated)->user + " used twice; its family is revoked";
    }
    co_return fail(std::move(error));
  }
  const std::string user = (*rotated)->user;
  auto found = co_await parts_.store_pool->run([&] { return parts_.users->find(user); });
  if (!found || !*found) {
    co_return fail(found ? found->error() : found.error());
  }
  const auto& record = **found;
  if (!record || record->disabled_at) {
    co_return fail(invalid_grant("The refresh token is not valid."));
  }
  const model::ScopeSet asked = (*rotated)->scopes;
  const model::ScopeSet scopes =
      record->scopes.contains(model::Scope::Admin)
          ? asked
          : model::ScopeSet::from_bits(asked.bits() & record->scopes.bits());
  co_return issue(*record, scopes, std::move(next));
}

Task<Result<void>> TokenService::revoke(std::string token) {
  if (looks_like_jwt(token)) {
    auto claims = parts_.signer->verify(token, unix_ms(*parts_.clock) / 1000);
    if (!claims) {
      co_return Result<void>{};
    }
    const stores::RevokedToken revoked{claims->jti, claims->expires_at * 1000 + 60'000};
    auto done = co_await parts_.store_pool->run([&] {
      auto result = parts_.tokens->revoke_access(revoked);
      parts_.refresh_directory();
      return result;
    });
    co_return done ? *done : fail(done.error());
  }
  const Sha256 hash = sha256(token);
  auto done = co_await parts_.store_pool->run([&] { return parts_.tokens->revoke_family(hash); });
  if (!done || !*done) {
    co_return fail(done ? done->error() : done.error());
  }
  co_return Result<void>{};
}

}  // namespace headgate::auth
