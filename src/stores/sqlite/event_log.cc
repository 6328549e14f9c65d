#include <algorithm>
#include <utility>

#include "stores/sqlite/job_changes.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

/// The event of a job's submission. It follows from the job's row, so most jobs have no row for it.
Result<std::optional<model::JobEvent>> first_event(Session& session, model::JobSeq seq) {
  auto select = session.prepare("SELECT created_at FROM jobs WHERE seq=?");
  if (!select) {
    return fail(select.error());
  }
  std::optional<model::JobEvent> event;
  auto found = one_row(select->bind(seq), [&](const Statement& row) {
    event = {
        .n = 1, .type = "status", .data = status_event(model::JobState::Queued, 0, row.integer(0))};
  });
  if (!found) {
    return fail(found.error());
  }
  return event;
}

Result<std::vector<model::JobEvent>> read_events(Session& session, model::JobSeq seq,
                                                 std::int64_t after, std::size_t limit) {
  std::vector<model::JobEvent> events;
  if (after < 1 && limit != 0) {
    auto first = first_event(session, seq);
    if (!first) {
      return fail(first.error());
    }
    if (*first) {
      events.push_back(std::move(**first));
    }
  }
  auto select = session.prepare(
      "SELECT n, type, data FROM job_events WHERE seq=? AND n>? ORDER BY n LIMIT ?");
  if (!select) {
    return fail(select.error());
  }
  select->bind(seq)
      .bind(std::max(after, std::int64_t{1}))
      .bind(static_cast<std::int64_t>(limit - events.size()));
  while (true) {
    auto row = select->step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return events;
    }
    events.push_back({.n = select->integer(0), .type = select->text(1), .data = select->text(2)});
  }
}

class SqliteEventLog final : public EventLog {
 public:
  explicit SqliteEventLog(Engine engine) : engine_(engine) {}

  Task<Result<std::int64_t>> append(model::JobSeq seq, std::int64_t fence,
                                    std::vector<std::string> deltas) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return append_deltas(session, seq, fence, deltas); });
  }
  Task<Result<std::vector<model::JobEvent>>> read(model::JobSeq seq, std::int64_t after,
                                                  std::size_t limit) override {
    co_return co_await engine_.readers->run(
        [=](Session& session) { return read_events(session, seq, after, limit); });
  }

 private:
  const Engine engine_;
};

}  // namespace

std::unique_ptr<EventLog> make_event_log(Engine engine) {
  return std::make_unique<SqliteEventLog>(engine);
}

}  // namespace headgate::stores::sqlite
