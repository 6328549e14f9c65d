#include <algorithm>

#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

#define HEADGATE_KEY_COLUMNS                                                                      \
  "id, name, hash, scopes, tier, created_at, expires_at, disabled_at, revoked_at, last_used_at, " \
  "budget_day, budget_month"

ApiKeyRecord read(const Statement& row) {
  ApiKeyRecord record;
  record.id = row.text(0);
  record.name = row.text(1);
  const std::string hash = row.blob(2);
  std::copy_n(hash.begin(), std::min(hash.size(), record.hash.size()), record.hash.begin());
  record.scopes = model::ScopeSet::from_bits(static_cast<std::uint32_t>(row.integer(3)));
  record.tier = row.text(4);
  record.created_at = row.integer(5);
  record.expires_at = row.optional_integer(6);
  record.disabled_at = row.optional_integer(7);
  record.revoked_at = row.optional_integer(8);
  record.last_used_at = row.optional_integer(9);
  record.budget_day = row.optional_integer(10);
  record.budget_month = row.optional_integer(11);
  return record;
}

Error no_key(const std::string& id) { return not_found("There is no API key " + id + "."); }

class SqliteKeyStore final : public KeyStore {
 public:
  explicit SqliteKeyStore(Database& database) : database_(database) {}

  Result<void> add(const ApiKeyRecord& record) override {
    return database_.with([&](Session& session) -> Result<void> {
      auto insert = session.prepare("INSERT INTO api_keys (" HEADGATE_KEY_COLUMNS
                                    ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
      if (!insert) {
        return fail(insert.error());
      }
      return insert->bind(record.id)
          .bind(record.name)
          .bind_blob(as_view(record.hash))
          .bind(std::int64_t{record.scopes.bits()})
          .bind(record.tier)
          .bind(record.created_at)
          .bind(record.expires_at)
          .bind(record.disabled_at)
          .bind(record.revoked_at)
          .bind(record.last_used_at)
          .bind(record.budget_day)
          .bind(record.budget_month)
          .run();
    });
  }

  Result<std::vector<ApiKeyRecord>> list() override {
    return database_.with([&](Session& session) -> Result<std::vector<ApiKeyRecord>> {
      auto select = session.prepare("SELECT " HEADGATE_KEY_COLUMNS
                                    " FROM api_keys ORDER BY created_at DESC, id");
      if (!select) {
        return fail(select.error());
      }
      std::vector<ApiKeyRecord> records;
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
    });
  }

  Result<std::optional<ApiKeyRecord>> find(const std::string& id) override {
    return database_.with([&](Session& session) { return find_in(session, id); });
  }

  Result<void> change(const std::string& id, const ApiKeyChange& change) override {
    return database_.transaction([&](Session& session) -> Result<void> {
      auto found = find_in(session, id);
      if (!found) {
        return fail(found.error());
      }
      if (!*found) {
        return fail(no_key(id));
      }
      ApiKeyRecord& record = **found;
      auto update = session.prepare(
          "UPDATE api_keys SET name=?, scopes=?, tier=?, expires_at=?, "
          "disabled_at=?, budget_day=?, budget_month=? WHERE id=?");
      if (!update) {
        return fail(update.error());
      }
      return update->bind(change.name.value_or(record.name))
          .bind(std::int64_t{change.scopes.value_or(record.scopes).bits()})
          .bind(change.tier.value_or(record.tier))
          .bind(change.expires_at.value_or(record.expires_at))
          .bind(change.disabled_at.value_or(record.disabled_at))
          .bind(change.budget_day.value_or(record.budget_day))
          .bind(change.budget_month.value_or(record.budget_month))
          .bind(id)
          .run();
    });
  }

  Result<void> revoke(const std::string& id, std::int64_t now) override {
    return database_.transaction([&](Session& session) -> Result<void> {
      auto update =
          session.prepare("UPDATE api_keys SET revoked_at=coalesce(revoked_at, ?) WHERE id=?");
      if (!update) {
        return fail(update.error());
      }
      auto done = update->bind(now).bind(id).run();
      if (done && session.changes() == 0) {
        return fail(no_key(id));
      }
      return done;
    });
  }

  Result<void> note_use(std::span<const ApiKeyUse> uses) override {
    return database_.transaction([&](Session& session) -> Result<void> {
      for (const ApiKeyUse& use : uses) {
        auto update = session.prepare(
            "UPDATE api_keys SET last_used_at=max(coalesce(last_used_at, 0), ?) WHERE id=?");
        if (!update) {
          return fail(update.error());
        }
        auto done = update->bind(use.at).bind(use.id).run();
        if (!done) {
          return done;
        }
      }
      return {};
    });
  }

  Result<std::int64_t> version() override {
    return database_.with([&](Session& session) -> Result<std::int64_t> {
      // data_version sees other processes, total_changes our own connection.
      auto ask = session.prepare("SELECT data_version + total_changes() FROM pragma_data_version");
      if (!ask) {
        return fail(ask.error());
      }
      auto row = ask->step();
      if (!row) {
        return fail(row.error());
      }
      return ask->integer(0);
    });
  }

 private:
  static Result<std::optional<ApiKeyRecord>> find_in(Session& session, const std::string& id) {
    auto select = session.prepare("SELECT " HEADGATE_KEY_COLUMNS " FROM api_keys WHERE id=?");
    if (!select) {
      return fail(select.error());
    }
    auto row = select->bind(id).step();
    if (!row) {
      return fail(row.error());
    }
    return *row ? std::optional(read(*select)) : std::nullopt;
  }

  Database& database_;
};

}  // namespace

std::unique_ptr<KeyStore> make_key_store(Database& database) {
  return std::make_unique<SqliteKeyStore>(database);
}

}  // namespace headgate::stores::sqlite
