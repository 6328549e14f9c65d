#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

#define HEADGATE_USER_COLUMNS "name, password_hash, scopes, tier, created_at, epoch, disabled_at"

UserRecord read(const Statement& row) {
  UserRecord record;
  record.name = row.text(0);
  record.password_hash = row.text(1);
  record.scopes = model::ScopeSet::from_bits(static_cast<std::uint32_t>(row.integer(2)));
  record.tier = row.text(3);
  record.created_at = row.integer(4);
  record.epoch = row.integer(5);
  record.disabled_at = row.optional_integer(6);
  return record;
}

Error no_user(const std::string& name) { return not_found("There is no user " + name + "."); }

bool is_active_admin(const UserRecord& record) {
  return !record.disabled_at && record.scopes.contains(model::Scope::Admin);
}

class SqliteUserStore final : public UserStore {
 public:
  explicit SqliteUserStore(Database& database) : database_(database) {}

  Result<void> add(const UserRecord& record) override {
    return database_.with([&](Session& session) -> Result<void> {
      auto insert =
          session.prepare("INSERT INTO users (" HEADGATE_USER_COLUMNS ") VALUES (?,?,?,?,?,?,?)");
      if (!insert) {
        return fail(insert.error());
      }
      return insert->bind(record.name)
          .bind(record.password_hash)
          .bind(std::int64_t{record.scopes.bits()})
          .bind(record.tier)
          .bind(record.created_at)
          .bind(record.epoch)
          .bind(record.disabled_at)
          .run();
    });
  }

  Result<std::optional<UserRecord>> find(const std::string& name) override {
    return database_.with([&](Session& session) { return find_in(session, name); });
  }

  Result<std::vector<UserRecord>> list() override {
    return database_.with([&](Session& session) { return list_in(session); });
  }

  Result<void> change(const std::string& name, const UserChange& change) override {
    return database_.transaction([&](Session& session) -> Result<void> {
      auto found = find_in(session, name);
      if (!found) {
        return fail(found.error());
      }
      if (!*found) {
        return fail(no_user(name));
      }
      UserRecord after = **found;
      const bool tokens_end = change.password_hash || change.scopes || change.disabled_at;
      after.password_hash = change.password_hash.value_or(after.password_hash);
      after.scopes = change.scopes.value_or(after.scopes);
      after.tier = change.tier.value_or(after.tier);
      after.disabled_at = change.disabled_at.value_or(after.disabled_at);
      after.epoch += tokens_end ? 1 : 0;
      if (change.password_hash || after.disabled_at) {
        auto ended = end_refresh_tokens(session, name);
        if (!ended) {
          return ended;
        }
      }
      if (is_active_admin(**found) && !is_active_admin(after)) {
        auto others = keep_an_admin(session, name);
        if (!others) {
          return others;
        }
      }
      auto update = session.prepare(
          "UPDATE users SET password_hash=?, scopes=?, tier=?, epoch=?, disabled_at=? WHERE "
          "name=?");
      if (!update) {
        return fail(update.error());
      }
      return update->bind(after.password_hash)
          .bind(std::int64_t{after.scopes.bits()})
          .bind(after.tier)
          .bind(after.epoch)
          .bind(after.disabled_at)
          .bind(name)
          .run();
    });
  }

  Result<void> remove(const std::string& name) override {
    return database_.transaction([&](Session& session) -> Result<void> {
      auto found = find_in(session, name);
      if (!found) {
        return fail(found.error());
      }
      if (!*found) {
        return fail(no_user(name));
      }
      if (is_active_admin(**found)) {
        auto others = keep_an_admin(session, name);
        if (!others) {
          return others;
        }
      }
      auto ended = end_refresh_tokens(session, name);
      if (!ended) {
        return ended;
      }
      auto erase = session.prepare("DELETE FROM users WHERE name=?");
      if (!erase) {
        return fail(erase.error());
      }
      return erase->bind(name).run();
    });
  }

 private:
  static Result<void> end_refresh_tokens(Session& session, const std::string& name) {
    auto erase = session.prepare("DELETE FROM refresh_tokens WHERE user=?");
    if (!erase) {
      return fail(erase.error());
    }
    return erase->bind(name).run();
  }

  static Result<void> keep_an_admin(Session& session, const std::string& but) {
    auto users = list_in(session);
    if (!users) {
      return fail(users.error());
    }
    for (const UserRecord& user : *users) {
      if (user.name != but && is_active_admin(user)) {
        return {};
      }
    }
    Error error = invalid_request("This is the last admin; make another one first.");
    error.kind = ErrorKind::Unprocessable;
    error.code = "last_admin";
    return fail(std::move(error));
  }

  static Result<std::vector<UserRecord>> list_in(Session& session) {
    auto select = session.prepare("SELECT " HEADGATE_USER_COLUMNS " FROM users ORDER BY name");
    if (!select) {
      return fail(select.error());
    }
    std::vector<UserRecord> records;
    while (true) {
      auto row = select->step();
      if (!row) {
        return fail(row.error());
      }
      if (!*row) {
        return records;
      }
      records.push_back(read(*select));
    }
  }

  static Result<std::optional<UserRecord>> find_in(Session& session, const std::string& name) {
    auto select = session.prepare("SELECT " HEADGATE_USER_COLUMNS " FROM users WHERE name=?");
    if (!select) {
      return fail(select.error());
    }
    auto row = select->bind(name).step();
    if (!row) {
      return fail(row.error());
    }
    return *row ? std::optional(read(*select)) : std::nullopt;
  }

  Database& database_;
};

}  // namespace

std::unique_ptr<UserStore> make_user_store(Database& database) {
  return std::make_unique<SqliteUserStore>(database);
}

}  // namespace headgate::stores::sqlite
