#pragma once

#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "stores/key_store.h"
#include "stores/token_store.h"
#include "stores/user_store.h"

namespace headgate::testing {

/// The stores of one engine over one fresh, empty database, and what keeps that alive.
struct IdentityStores {
  std::shared_ptr<void> engine;  // shared: the stores borrow from it, so it is declared first
  std::unique_ptr<stores::KeyStore> keys;
  std::unique_ptr<stores::UserStore> users;
  std::unique_ptr<stores::TokenStore> tokens;
};

/// One engine to test.
struct MakeIdentityStores {
  const char* engine;
  IdentityStores (*make)();
  friend void PrintTo(const MakeIdentityStores& self, std::ostream* out) { *out << self.engine; }
};

/// Base of the contracts that every engine must pass: instantiate each with a way to make stores.
class IdentityContract : public ::testing::TestWithParam<MakeIdentityStores> {
 protected:
  IdentityStores stores_ = GetParam().make();
  stores::KeyStore& keys_ = *stores_.keys;
  stores::UserStore& users_ = *stores_.users;
  stores::TokenStore& tokens_ = *stores_.tokens;
};

inline stores::ApiKeyRecord some_key(const std::string& id) {
  stores::ApiKeyRecord record;
  record.id = id;
  record.name = "name of " + id;
  record.hash = sha256(id);
  record.scopes.add(model::Scope::InferenceText);
  record.tier = "pro";
  record.created_at = 1000;
  return record;
}

inline stores::UserRecord some_user(const std::string& name, model::Scope scope) {
  stores::UserRecord record;
  record.name = name;
  record.password_hash = "$argon2id$" + name;
  record.scopes.add(scope);
  record.created_at = 1000;
  record.epoch = 1000;
  return record;
}

inline stores::RefreshTokenRecord some_refresh(const std::string& token, const std::string& family,
                                               const std::string& user) {
  stores::RefreshTokenRecord record{
      .hash = sha256(token), .family = family, .user = user, .scopes = {}, .expires_at = 10'000};
  record.scopes.add(model::Scope::JobsRead);
  return record;
}

}  // namespace headgate::testing
