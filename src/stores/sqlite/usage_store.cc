#include <array>
#include <utility>

#include "stores/sqlite/stores.h"
#include "stores/sqlite/usage_changes.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

#define HEADGATE_USAGE_FIGURES "requests, input_tokens, output_tokens, micro_usd, estimated"
#define HEADGATE_USAGE_COLUMNS "day, principal, model, " HEADGATE_USAGE_FIGURES
#define HEADGATE_USAGE_SUMS \
  "sum(requests), sum(input_tokens), sum(output_tokens), sum(micro_usd), sum(estimated)"
#define HEADGATE_USAGE_ADDED                                        \
  " ON CONFLICT DO UPDATE SET requests=requests+excluded.requests," \
  " input_tokens=input_tokens+excluded.input_tokens,"               \
  " output_tokens=output_tokens+excluded.output_tokens,"            \
  " micro_usd=micro_usd+excluded.micro_usd,"                        \
  " estimated=estimated+excluded.estimated"
#define HEADGATE_USAGE_CHOSEN \
  " FROM usage WHERE day>=? AND day<=? AND (?='' OR principal=?) AND (?='' OR model=?)"
/// One report: rows made up of what the three keys name.
#define HEADGATE_USAGE_REPORT(keys)                                           \
  "SELECT " keys ", " HEADGATE_USAGE_SUMS HEADGATE_USAGE_CHOSEN " AND (" keys \
  ") > (?,?,?)"                                                               \
  " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT ?"

std::string_view report_sql(UsageGroup group) {
  switch (group) {
    case UsageGroup::Day:
      return HEADGATE_USAGE_REPORT("day, '', ''");
    case UsageGroup::Model:
      return HEADGATE_USAGE_REPORT("0, '', model");
    case UsageGroup::Principal:
      return HEADGATE_USAGE_REPORT("0, principal, ''");
    case UsageGroup::All:
      break;
  }
  return HEADGATE_USAGE_REPORT("day, principal, model");
}

void bind(Statement& statement, const UsageRecord& record) {
  statement.bind(record.day)
      .bind(record.principal)
      .bind(record.model)
      .bind(record.requests)
      .bind(record.input_tokens)
      .bind(record.output_tokens)
      .bind(record.micro_usd)
      .bind(record.estimated);
}

void bind_choice(Statement& select, const UsageQuery& query) {
  select.bind(query.from.value_or(INT64_MIN))
      .bind(query.to.value_or(INT64_MAX))
      .bind(query.principal)
      .bind(query.principal)
      .bind(query.model)
      .bind(query.model);
}

/// The figures of a record, which begin at `column`.
void read_figures(UsageRecord& record, const Statement& row, int column) {
  record.requests = row.integer(column);
  record.input_tokens = row.integer(column + 1);
  record.output_tokens = row.integer(column + 2);
  record.micro_usd = row.integer(column + 3);
  record.estimated = row.integer(column + 4);
}

Result<void> read_rows(Session& session, const UsageQuery& query, UsagePage& page) {
  auto select = session.prepare(report_sql(query.group));
  if (!select) {
    return fail(select.error());
  }
  bind_choice(*select, query);
  if (query.after) {
    select->bind(query.after->day).bind(query.after->principal).bind(query.after->model);
  } else {
    select->bind(std::int64_t{INT64_MIN}).bind(std::string_view()).bind(std::string_view());
  }
  select->bind(static_cast<std::int64_t>(query.limit) + 1);
  while (true) {
    auto row = select->step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return {};
    }
    if (page.rows.size() == query.limit) {
      page.has_more = true;
      return {};
    }
    UsageRecord& record = page.rows.emplace_back();
    record.day = select->integer(0);
    record.principal = select->text(1);
    record.model = select->text(2);
    read_figures(record, *select, 3);
  }
}

Result<UsagePage> read_page(Session& session, const UsageQuery& query) {
  UsagePage page;
  auto rows = read_rows(session, query, page);
  if (!rows) {
    return fail(rows.error());
  }
  auto totals = session.prepare("SELECT " HEADGATE_USAGE_SUMS HEADGATE_USAGE_CHOSEN);
  if (!totals) {
    return fail(totals.error());
  }
  bind_choice(*totals, query);
  auto row = totals->step();
  if (!row) {
    return fail(row.error());
  }
  read_figures(page.totals, *totals, 0);
  return page;
}

Result<std::uint64_t> charge_open_reservations(Session& session) {
  // "WHERE true": without it the parser takes ON for that of a join.
  auto charge = session.prepare("INSERT INTO usage (" HEADGATE_USAGE_COLUMNS
                                ") SELECT " HEADGATE_USAGE_COLUMNS
                                " FROM usage_reservations WHERE true" HEADGATE_USAGE_ADDED);
  if (!charge) {
    return fail(charge.error());
  }
  auto charged = charge->run();
  if (!charged) {
    return fail(charged.error());
  }
  auto erase = session.prepare("DELETE FROM usage_reservations");
  if (!erase) {
    return fail(erase.error());
  }
  auto erased = erase->run();
  if (!erased) {
    return fail(erased.error());
  }
  return static_cast<std::uint64_t>(session.changes());
}

Result<std::vector<PrincipalSpend>> read_spent(Session& session, UtcDay today) {
  auto select = session.prepare(
      "SELECT principal, sum(CASE WHEN day=? THEN micro_usd ELSE 0 END), sum(micro_usd) FROM ("
      "SELECT day, principal, micro_usd FROM usage WHERE day>=? AND day<? UNION ALL "
      "SELECT day, principal, micro_usd FROM usage_reservations WHERE day>=? AND day<?) "
      "GROUP BY principal HAVING sum(micro_usd)<>0 ORDER BY principal");
  if (!select) {
    return fail(select.error());
  }
  const UtcDay from = month_of(today);
  const UtcDay end = next_month(today);
  select->bind(today).bind(from).bind(end).bind(from).bind(end);
  std::vector<PrincipalSpend> spent;
  while (true) {
    auto row = select->step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return spent;
    }
    spent.push_back({.principal = select->text(0),
                     .day_micro_usd = select->integer(1),
                     .month_micro_usd = select->integer(2)});
  }
}

class SqliteUsageStore final : public UsageStore {
 public:
  explicit SqliteUsageStore(Engine engine) : engine_(engine) {}

  Task<Result<void>> open_reservation(OpenReservation reservation) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return sqlite::open_reservation(session, reservation); });
  }
  Task<Result<void>> settle(Settlement settlement) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return settle_usage(session, settlement); });
  }
  Task<Result<void>> write(UsageBatch batch) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return write_usage(session, batch); });
  }
  Task<Result<UsagePage>> query(UsageQuery query) override {
    co_return co_await engine_.readers->run(
        [&](Session& session) { return read_page(session, query); });
  }
  Result<std::uint64_t> recover() override {
    return engine_.database->transaction(
        [](Session& session) { return charge_open_reservations(session); });
  }
  Result<std::vector<PrincipalSpend>> spent(UtcDay today) override {
    return engine_.database->with([today](Session& session) { return read_spent(session, today); });
  }

 private:
  const Engine engine_;
};

}  // namespace

Result<void> open_reservation(Session& session, const OpenReservation& reservation) {
  auto insert = session.prepare("INSERT INTO usage_reservations (id, " HEADGATE_USAGE_COLUMNS
                                ") VALUES (?,?,?,?,?,?,?,?,?)");
  if (!insert) {
    return fail(insert.error());
  }
  insert->bind(reservation.id);
  bind(*insert, reservation.estimate);
  return insert->run();
}

Result<void> settle_usage(Session& session, const Settlement& settlement) {
  auto erase = session.prepare("DELETE FROM usage_reservations WHERE id=?");
  if (!erase) {
    return fail(erase.error());
  }
  auto erased = erase->bind(settlement.id).run();
  if (!erased || session.changes() == 0) {
    return erased;
  }
  return add_usage(session, settlement.used);
}

Result<void> add_usage(Session& session, const UsageRecord& record) {
  if (record.nothing()) {
    return {};
  }
  auto insert = session.prepare("INSERT INTO usage (" HEADGATE_USAGE_COLUMNS
                                ") VALUES (?,?,?,?,?,?,?,?)" HEADGATE_USAGE_ADDED);
  if (!insert) {
    return fail(insert.error());
  }
  bind(*insert, record);
  return insert->run();
}

Result<void> write_usage(Session& session, const UsageBatch& batch) {
  for (const Settlement& settlement : batch.settlements) {
    auto settled = settle_usage(session, settlement);
    if (!settled) {
      return settled;
    }
  }
  for (const UsageRecord& record : batch.records) {
    auto added = add_usage(session, record);
    if (!added) {
      return added;
    }
  }
  return {};
}

std::unique_ptr<UsageStore> make_usage_store(Engine engine) {
  return std::make_unique<SqliteUsageStore>(engine);
}

}  // namespace headgate::stores::sqlite
