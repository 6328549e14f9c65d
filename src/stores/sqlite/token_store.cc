#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

class SqliteTokenStore final : public TokenStore {
 public:
  explicit SqliteTokenStore(Database& database) : database_(database) {}

  Result<void> add(const RefreshTokenRecord& record) override {
    return database_.with([&](Session& session) { return insert(session, record); });
  }

  Result<Rotation> rotate(const Sha256& hash, const Sha256& next_hash, std::int64_t next_expires_at,
                          std::int64_t now) override {
    return database_.transaction([&](Session& session) -> Result<Rotation> {
      RefreshTokenRecord next{
          .hash = next_hash, .family = {}, .user = {}, .scopes = {}, .expires_at = next_expires_at};
      bool spent = false;
      bool expired = false;
      {
        auto select = session.prepare(
            "SELECT family, user, expires_at, spent_at, scopes FROM refresh_tokens WHERE hash=?");
        if (!select) {
          return fail(select.error());
        }
        auto row = select->bind_blob(as_view(hash)).step();
        if (!row) {
          return fail(row.error());
        }
        if (!*row) {
          return Rotation{};
        }
        next.family = select->text(0);
        next.user = select->text(1);
        expired = select->integer(2) <= now;
        spent = select->optional_integer(3).has_value();
        next.scopes = model::ScopeSet::from_bits(static_cast<std::uint32_t>(select->integer(4)));
      }
      if (spent) {
        auto gone = erase_family(session, next.family);
        return gone ? Result<Rotation>(Rotation{Use::Reused, next.user, {}}) : fail(gone.error());
      }
      if (expired) {
        return Rotation{};
      }
      auto spend = session.prepare("UPDATE refresh_tokens SET spent_at=? WHERE hash=?");
      if (!spend) {
        return fail(spend.error());
      }
      auto done = spend->bind(now).bind_blob(as_view(hash)).run();
      if (done) {
        done = insert(session, next);
      }
      return done ? Result<Rotation>(Rotation{Use::Rotated, next.user, next.scopes})
                  : fail(done.error());
    });
  }

  Result<bool> revoke_family(const Sha256& hash) override {
    return database_.transaction([&](Session& session) -> Result<bool> {
      std::string family;
      {
        auto select = session.prepare("SELECT family FROM refresh_tokens WHERE hash=?");
        if (!select) {
          return fail(select.error());
        }
        auto row = select->bind_blob(as_view(hash)).step();
        if (!row) {
          return fail(row.error());
        }
        if (!*row) {
          return false;
        }
        family = select->text(0);
      }
      auto gone = erase_family(session, family);
      return gone ? Result<bool>(true) : fail(gone.error());
    });
  }

  Result<void> revoke_user(const std::string& user) override {
    return database_.with([&](Session& session) -> Result<void> {
      auto erase = session.prepare("DELETE FROM refresh_tokens WHERE user=?");
      if (!erase) {
        return fail(erase.error());
      }
      return erase->bind(user).run();
    });
  }

  Result<void> revoke_access(const RevokedToken& token) override {
    return database_.with([&](Session& session) -> Result<void> {
      auto insert =
          session.prepare("INSERT OR IGNORE INTO revoked_access (jti, expires_at) VALUES (?,?)");
      if (!insert) {
        return fail(insert.error());
      }
      return insert->bind(token.jti).bind(token.expires_at).run();
    });
  }

  Result<std::vector<RevokedToken>> revoked_access(std::int64_t now) override {
    return database_.transaction([&](Session& session) -> Result<std::vector<RevokedToken>> {
      for (const std::string_view sql : {kForgetAccess, kForgetRefresh}) {
        auto erase = session.prepare(sql);
        if (!erase) {
          return fail(erase.error());
        }
        auto done = erase->bind(now).run();
        if (!done) {
          return fail(done.error());
        }
      }
      auto select = session.prepare("SELECT jti, expires_at FROM revoked_access");
      if (!select) {
        return fail(select.error());
      }
      std::vector<RevokedToken> tokens;
      while (true) {
        auto row = select->step();
        if (!row) {
          return fail(row.error());
        }
        if (!*row) {
          return tokens;
        }
        tokens.push_back({select->text(0), select->integer(1)});
      }
    });
  }

 private:
  static constexpr std::string_view kForgetAccess =
      "DELETE FROM revoked_access WHERE expires_at<=?";
  static constexpr std::string_view kForgetRefresh =
      "DELETE FROM refresh_tokens WHERE expires_at<=?";

  static Result<void> insert(Session& session, const RefreshTokenRecord& record) {
    auto insert = session.prepare(
        "INSERT INTO refresh_tokens (hash, family, user, scopes, expires_at) VALUES (?,?,?,?,?)");
    if (!insert) {
      return fail(insert.error());
    }
    return insert->bind_blob(as_view(record.hash))
        .bind(record.family)
        .bind(record.user)
        .bind(std::int64_t{record.scopes.bits()})
        .bind(record.expires_at)
        .run();
  }

  static Result<void> erase_family(Session& session, const std::string& family) {
    auto erase = session.prepare("DELETE FROM refresh_tokens WHERE family=?");
    if (!erase) {
      return fail(erase.error());
    }
    return erase->bind(family).run();
  }

  Database& database_;
};

}  // namespace

std::unique_ptr<TokenStore> make_token_store(Database& database) {
  return std::make_unique<SqliteTokenStore>(database);
}

}  // namespace headgate::stores::sqlite
