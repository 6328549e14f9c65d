#include "auth/directory.h"

#include <utility>

namespace headgate::auth {
namespace {

std::atomic<std::uint64_t> next_generation{1};

}  // namespace

Directory::Directory()
    : newest_(std::make_shared<const Snapshot>()), generation_(next_generation++) {}

const Snapshot& Directory::current() const {
  thread_local std::uint64_t seen = 0;  // generations are unique over all directories
  thread_local std::shared_ptr<const Snapshot> mine;
  if (seen != generation_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(mutex_);
    mine = newest_;
    seen = generation_.load(std::memory_order_relaxed);
  }
  return *mine;
}

void Directory::publish(std::shared_ptr<const Snapshot> snapshot) {
  const std::lock_guard lock(mutex_);
  newest_ = std::move(snapshot);
  generation_.store(next_generation++, std::memory_order_release);
}

Result<std::shared_ptr<const Snapshot>> Directory::read(stores::KeyStore& keys,
                                                        stores::UserStore& users,
                                                        stores::TokenStore& tokens,
                                                        const config::AuthSettings& settings,
                                                        KeyUses& uses, std::int64_t now) {
  auto snapshot = std::make_shared<Snapshot>();
  auto allowed = config::CidrSet::parse(settings.ip_allow);
  if (!allowed) {
    return fail(allowed.error());
  }
  snapshot->allowed = std::move(*allowed);
  auto stored_keys = keys.list();
  if (!stored_keys) {
    return fail(stored_keys.error());
  }
  for (const stores::ApiKeyRecord& record : *stored_keys) {
    if (record.revoked_at || record.disabled_at) {
      continue;
    }
    auto principal = std::make_shared<model::Principal>();
    principal->kind = model::Principal::Kind::Key;
    principal->id = "key:" + record.id;
    principal->name = record.name;
    principal->tier = record.tier;
    principal->scopes = record.scopes;
    principal->budget_day = record.budget_day;
    principal->budget_month = record.budget_month;
    snapshot->keys[record.hash] = {record.hash, std::move(principal), record.expires_at,
                                   uses.of(record.id)};
  }
  for (const config::StaticKey& key : settings.keys) {
    auto principal = std::make_shared<model::Principal>();
    principal->kind = model::Principal::Kind::Key;
    principal->id = "key:config/" + key.name;
    principal->name = key.name;
    principal->tier = key.tier;
    principal->scopes = key.scopes;
    const Sha256 hash = sha256(key.key.reveal());
    snapshot->keys[hash] = {hash, std::move(principal), std::nullopt, nullptr};
  }
  auto stored_users = users.list();
  if (!stored_users) {
    return fail(stored_users.error());
  }
  for (const stores::UserRecord& record : *stored_users) {
    if (record.disabled_at) {
      continue;
    }
    auto principal = std::make_shared<model::Principal>();
    principal->kind = model::Principal::Kind::User;
    principal->id = "user:" + record.name;
    principal->name = record.name;
    principal->tier = record.tier;
    principal->scopes = record.scopes;
    snapshot->users[record.name] = {record.epoch, std::move(principal)};
  }
  auto revoked = tokens.revoked_access(now);
  if (!revoked) {
    return fail(revoked.error());
  }
  for (stores::RevokedToken& token : *revoked) {
    snapshot->revoked_tokens.insert(std::move(token.jti));
  }
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

}  // namespace headgate::auth
