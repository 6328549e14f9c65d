#include "stores/sqlite/webhook_store.h"

#include <utility>

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

#define HEADGATE_WEBHOOK_COLUMNS \
  "id, job_id, url, body, state, attempts, next_at, last_status, last_error, created_at"

WebhookDelivery read(const Statement& row) {
  WebhookDelivery delivery;
  delivery.id = row.text(0);
  delivery.job_id = row.text(1);
  delivery.url = row.text(2);
  delivery.body = row.text(3);
  delivery.state = static_cast<WebhookState>(row.integer(4));
  delivery.attempts = static_cast<std::uint32_t>(row.integer(5));
  delivery.next_at = row.optional_integer(6).value_or(0);
  delivery.last_status = static_cast<int>(row.integer(7));
  delivery.last_error = row.text(8);
  delivery.created_at = row.integer(9);
  return delivery;
}

Result<std::vector<WebhookDelivery>> read_all(Statement& select) {
  std::vector<WebhookDelivery> deliveries;
  while (true) {
    auto row = select.step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return deliveries;
    }
    deliveries.push_back(read(select));
  }
}

std::optional<std::int64_t> next_at_if_pending(WebhookState state, std::int64_t next_at) {
  return state == WebhookState::Pending ? std::optional(next_at) : std::nullopt;
}

Error no_delivery() { return not_found("There is no such webhook delivery."); }

Result<DueWebhooks> due_in(Session& session, std::int64_t now, std::size_t limit,
                           const std::vector<std::string>& busy_hosts) {
  static_assert(kMaxBusyHosts == 8);
  auto select = session.prepare("SELECT " HEADGATE_WEBHOOK_COLUMNS
                                " FROM webhooks WHERE next_at<=? AND host NOT IN "
                                "(?,?,?,?,?,?,?,?) ORDER BY next_at, n LIMIT ?");
  if (!select) {
    return fail(select.error());
  }
  select->bind(now);
  for (std::size_t i = 0; i < kMaxBusyHosts; ++i) {  // the empty text stands for no host
    select->bind(i < busy_hosts.size() ? std::string_view(busy_hosts[i]) : std::string_view(""));
  }
  auto deliveries = read_all(select->bind(static_cast<std::int64_t>(limit)));
  if (!deliveries) {
    return fail(deliveries.error());
  }
  auto first = session.prepare("SELECT min(next_at) FROM webhooks WHERE next_at>?");
  if (!first) {
    return fail(first.error());
  }
  auto row = first->bind(now).step();
  if (!row) {
    return fail(row.error());
  }
  return DueWebhooks{.deliveries = std::move(*deliveries), .next_at = first->optional_integer(0)};
}

Result<void> need_delivery(Session& session, const std::string& id) {
  auto select = session.prepare("SELECT 1 FROM webhooks WHERE id=?");
  if (!select) {
    return fail(select.error());
  }
  auto row = select->bind(id).step();
  if (!row) {
    return fail(row.error());
  }
  return *row ? Result<void>() : fail(no_delivery());
}

Result<void> note_in(Session& session, const std::string& id, const WebhookOutcome& outcome) {
  auto update = session.prepare(
      "UPDATE webhooks SET attempts=attempts+1, state=?, next_at=?, last_status=?, last_error=? "
      "WHERE id=? AND (attempts=? OR ?)");
  if (!update) {
    return fail(update.error());
  }
  const bool delivered = outcome.state == WebhookState::Delivered;
  auto done = update->bind(static_cast<std::int64_t>(outcome.state))
                  .bind(next_at_if_pending(outcome.state, outcome.next_at))
                  .bind(std::int64_t{outcome.status})
                  .bind(outcome.error)
                  .bind(id)
                  .bind(std::int64_t{outcome.attempt} - 1)
                  .bind(std::int64_t{delivered ? 1 : 0})
                  .run();
  return done && session.changes() == 0 ? need_delivery(session, id) : done;
}

Result<std::vector<WebhookDelivery>> of_job_in(Session& session, const std::string& job_id) {
  auto select = session.prepare("SELECT " HEADGATE_WEBHOOK_COLUMNS
                                " FROM webhooks WHERE job_id=? ORDER BY n");
  if (!select) {
    return fail(select.error());
  }
  return read_all(select->bind(job_id));
}

Result<std::size_t> redeliver_in(Session& session, const std::string& id, std::int64_t now) {
  auto update =
      session.prepare("UPDATE webhooks SET attempts=0, state=0, next_at=? WHERE id=? OR job_id=?");
  if (!update) {
    return fail(update.error());
  }
  auto done = update->bind(now).bind(id).bind(id).run();
  if (!done) {
    return fail(done.error());
  }
  const auto changed = static_cast<std::size_t>(session.changes());
  return changed > 0 ? Result<std::size_t>(changed) : fail(no_delivery());
}

class SqliteWebhookStore final : public WebhookStore {
 public:
  explicit SqliteWebhookStore(RunWork run) : run_(std::move(run)) {}

  Task<Result<DueWebhooks>> due(std::int64_t now, std::size_t limit,
                                std::vector<std::string> busy_hosts) override {
    DueWebhooks found;
    auto done = co_await run_(
        [&](Session& session) { return keep(due_in(session, now, limit, busy_hosts), found); });
    co_return with(std::move(done), std::move(found));
  }

  Task<Result<void>> note(std::string id, WebhookOutcome outcome) override {
    auto done = co_await run_([&](Session& session) { return note_in(session, id, outcome); });
    co_return done;
  }

  Task<Result<std::vector<WebhookDelivery>>> of_job(std::string job_id) override {
    std::vector<WebhookDelivery> found;
    auto done =
        co_await run_([&](Session& session) { return keep(of_job_in(session, job_id), found); });
    co_return with(std::move(done), std::move(found));
  }

  Task<Result<std::size_t>> redeliver(std::string id, std::int64_t now) override {
    std::size_t count = 0;
    auto done = co_await run_(
        [&](Session& session) { return keep(redeliver_in(session, id, now), count); });
    co_return with(std::move(done), count);
  }

 private:
  /// Puts the value of `result` into `place`, which the waiting coroutine owns.
  template <class T>
  static Result<void> keep(Result<T> result, T& place) {
    if (!result) {
      return fail(std::move(result.error()));
    }
    place = std::move(*result);
    return {};
  }
  template <class T>
  static Result<T> with(Result<void> done, T value) {
    return done ? Result<T>(std::move(value)) : fail(std::move(done.error()));
  }

  RunWork run_;
};

Task<Result<void>> run_on_pool(Database& database, BlockingPool& pool, Work work) {
  auto done = co_await pool.run([&] { return database.transaction(std::ref(work)); });
  co_return done ? std::move(*done) : fail(std::move(done.error()));
}

}  // namespace

RunWork on_pool(Database& database, BlockingPool& pool) {
  return [&database, &pool](Work work) { return run_on_pool(database, pool, std::move(work)); };
}

std::unique_ptr<WebhookStore> make_webhook_store(RunWork run) {
  return std::make_unique<SqliteWebhookStore>(std::move(run));
}

Result<void> insert_delivery(Session& session, const WebhookDelivery& delivery) {
  auto insert = session.prepare("INSERT INTO webhooks (" HEADGATE_WEBHOOK_COLUMNS
                                ", host) VALUES (?,?,?,?,?,?,?,?,?,?,?)");
  if (!insert) {
    return fail(insert.error());
  }
  return insert->bind(delivery.id)
      .bind(delivery.job_id)
      .bind(delivery.url)
      .bind(delivery.body)
      .bind(static_cast<std::int64_t>(delivery.state))
      .bind(std::int64_t{delivery.attempts})
      .bind(next_at_if_pending(delivery.state, delivery.next_at))
      .bind(std::int64_t{delivery.last_status})
      .bind(delivery.last_error)
      .bind(delivery.created_at)
      .bind(webhook_host(delivery.url))
      .run();
}

Result<void> forget_deliveries(Session& session, const std::string& job_id) {
  auto erase = session.prepare("DELETE FROM webhooks WHERE job_id=?");
  if (!erase) {
    return fail(erase.error());
  }
  return erase->bind(job_id).run();
}

}  // namespace headgate::stores::sqlite
