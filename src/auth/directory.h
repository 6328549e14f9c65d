#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "auth/key_uses.h"
#include "base/hash.h"
#include "base/result.h"
#include "config/cidr.h"
#include "config/settings.h"
#include "model/principal.h"
#include "stores/key_store.h"
#include "stores/token_store.h"
#include "stores/user_store.h"

namespace headgate::auth {

/// Everyone who may ask, as one immutable picture.
struct Snapshot {
  struct Key {
    Sha256 hash{};
    std::shared_ptr<const model::Principal> principal;  // shared with requests under way
    std::optional<std::int64_t> expires_at;             // Unix milliseconds
    std::shared_ptr<KeyUse> use;  // shared with KeyUses; null for a configured key
  };
  struct User {
    std::int64_t epoch = 0;
    std::shared_ptr<const model::Principal> principal;  // shared with requests under way
  };
  struct HashOfHash {
    std::size_t operator()(const Sha256& hash) const {
      std::size_t value = 0;
      std::memcpy(&value, hash.data(), sizeof value);
      return value;
    }
  };
  std::unordered_map<Sha256, Key, HashOfHash> keys;  // revoked and disabled ones are left out
  std::unordered_map<std::string, User> users;       // disabled ones are left out
  std::unordered_set<std::string> revoked_tokens;    // jti of access tokens
  config::CidrSet allowed;                           // who may ask at all; empty: anyone
};

/// The current Snapshot. Reading it costs no lock: each thread keeps its own reference and looks
/// only whether a newer one has been published.
class Directory final {
 public:
  Directory();

  /// The newest picture. Valid until the calling thread asks again.
  const Snapshot& current() const;
  void publish(std::shared_ptr<const Snapshot> snapshot);

  /// Builds a picture from the stores, the configured keys and auth.ip_allow. Blocks.
  static Result<std::shared_ptr<const Snapshot>> read(stores::KeyStore& keys,
                                                      stores::UserStore& users,
                                                      stores::TokenStore& tokens,
                                                      const config::AuthSettings& settings,
                                                      KeyUses& uses, std::int64_t now);

 private:
  mutable std::mutex mutex_;                // guards the next field
  std::shared_ptr<const Snapshot> newest_;  // shared with the threads' own references
  std::atomic<std::uint64_t> generation_;
};

}  // namespace headgate::auth
