#include <utility>

#include "stores/sqlite/job_changes.h"
#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

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
        [=](Session& session) -> Result<std::vector<model::JobEvent>> {
          auto select = session.prepare(
              "SELECT n, type, data FROM job_events WHERE seq=? AND n>? ORDER BY n LIMIT ?");
          if (!select) {
            return fail(select.error());
          }
          select->bind(seq).bind(after).bind(static_cast<std::int64_t>(limit));
          std::vector<model::JobEvent> events;
          while (true) {
            auto row = select->step();
            if (!row) {
              return fail(row.error());
            }
            if (!*row) {
              return events;
            }
            events.push_back(
                {.n = select->integer(0), .type = select->text(1), .data = select->text(2)});
          }
        });
  }

 private:
  const Engine engine_;
};

}  // namespace

std::unique_ptr<EventLog> make_event_log(Engine engine) {
  return std::make_unique<SqliteEventLog>(engine);
}

}  // namespace headgate::stores::sqlite
