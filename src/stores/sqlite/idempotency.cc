#include "stores/sqlite/idempotency.h"

#include <utility>

#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

Error in_flight() {
  Error error;
  error.kind = ErrorKind::Conflict;
  error.origin = Origin::Client;
  error.message = "A request with this Idempotency-Key is under way.";
  error.code = "idempotency_in_flight";
  return error;
}

Error made_a_job() {
  Error error;
  error.kind = ErrorKind::Conflict;
  error.origin = Origin::Client;
  error.message = "This Idempotency-Key has made a job; ask for it with Prefer: respond-async.";
  error.code = "idempotency_job";
  return error;
}

Error mismatch() {
  Error error;
  error.kind = ErrorKind::Unprocessable;
  error.origin = Origin::Client;
  error.message = "This Idempotency-Key came with another body before.";
  error.code = "idempotency_mismatch";
  return error;
}

class SqliteIdempotencyStore final : public IdempotencyStore {
 public:
  explicit SqliteIdempotencyStore(Engine engine) : engine_(engine) {}

  Task<Result<std::optional<KeptAnswer>>> claim(IdempotencyClaim claim, std::int64_t now) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) -> Result<std::optional<KeptAnswer>> {
          auto known = find_key(session, claim, now);
          if (!known) {
            return fail(known.error());
          }
          if (*known && (*known)->job) {
            return fail(made_a_job());
          }
          if (*known) {
            return std::move((*known)->answer);
          }
          auto claimed = claim_key(session, claim, std::nullopt);
          if (!claimed) {
            return fail(claimed.error());
          }
          return std::optional<KeptAnswer>();
        });
  }

  Task<Result<void>> settle(Sha256 scope, KeptAnswer answer) override {
    co_return co_await engine_.writer->run([&](Session& session) -> Result<void> {
      auto update = session.prepare(
          "UPDATE idempotency SET status=?, content_type=?, answer=? WHERE scope=?");
      if (!update) {
        return fail(update.error());
      }
      return update->bind(std::int64_t{answer.status})
          .bind(answer.content_type)
          .bind_blob(answer.body)
          .bind_blob(as_view(scope))
          .run();
    });
  }

  Task<Result<void>> drop(Sha256 scope) override {
    co_return co_await engine_.writer->run([&](Session& session) -> Result<void> {
      auto remove = session.prepare("DELETE FROM idempotency WHERE scope=? AND status IS NULL");
      if (!remove) {
        return fail(remove.error());
      }
      return remove->bind_blob(as_view(scope)).run();
    });
  }

 private:
  const Engine engine_;
};

}  // namespace

Result<std::optional<KnownKey>> find_key(Session& session, const IdempotencyClaim& claim,
                                         std::int64_t now) {
  auto select = session.prepare(
      "SELECT body, job, status, content_type, answer FROM idempotency"
      " WHERE scope=? AND expires_at>?");
  if (!select) {
    return fail(select.error());
  }
  auto row = select->bind_blob(as_view(claim.scope)).bind(now).step();
  if (!row) {
    return fail(row.error());
  }
  if (!*row) {
    return std::optional<KnownKey>();
  }
  if (select->blob(0) != as_view(claim.body)) {
    return fail(mismatch());
  }
  KnownKey known{.job = select->optional_integer(1), .answer = std::nullopt};
  const auto status = select->optional_integer(2);
  if (!known.job && !status) {
    return fail(in_flight());
  }
  if (status) {
    known.answer = KeptAnswer{.status = static_cast<int>(*status),
                              .content_type = select->text(3),
                              .body = select->blob(4)};
  }
  return std::optional(std::move(known));
}

Result<void> claim_key(Session& session, const IdempotencyClaim& claim,
                       std::optional<model::JobSeq> job) {
  auto insert = session.prepare(
      "INSERT OR REPLACE INTO idempotency (scope, body, job, expires_at) VALUES (?,?,?,?)");
  if (!insert) {
    return fail(insert.error());
  }
  return insert->bind_blob(as_view(claim.scope))
      .bind_blob(as_view(claim.body))
      .bind(job)
      .bind(claim.expires_at)
      .run();
}

std::unique_ptr<IdempotencyStore> make_idempotency_store(Engine engine) {
  return std::make_unique<SqliteIdempotencyStore>(engine);
}

}  // namespace headgate::stores::sqlite
