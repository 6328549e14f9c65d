#pragma once

#include <memory>

#include "stores/key_store.h"
#include "stores/sqlite/database.h"
#include "stores/token_store.h"
#include "stores/user_store.h"

namespace headgate::stores::sqlite {

/// Each borrows `database`.
std::unique_ptr<KeyStore> make_key_store(Database& database);
std::unique_ptr<UserStore> make_user_store(Database& database);
std::unique_ptr<TokenStore> make_token_store(Database& database);

}  // namespace headgate::stores::sqlite
