// The writer is one thread, so a step that deletes much holds up every change that waits. What a
// job brings along is therefore counted: besides its few rows, its events and the pages of its
// bytes cost time. A step takes as many jobs as fit, at least one; only events can be too many for
// one step, and are taken in parts.
#include "stores/sqlite/job_retention.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "model/job_id.h"
#include "stores/sqlite/blobs.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/webhook_store.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

/// What costs about as much to delete as the rows of a small job.
constexpr std::size_t kEventsPerJob = 16;
constexpr std::size_t kBytesPerJob = 64 << 10;

struct OldJob {
  model::JobId id;
  std::size_t events = 0;  ///< that are still there
  std::size_t bytes = 0;   ///< of body and result
  std::size_t cost() const { return 1 + events / kEventsPerJob + bytes / kBytesPerJob; }
};

/// Those of a model that ended before `before`, oldest first.
Result<std::vector<OldJob>> old_jobs(Session& session, const std::string& model,
                                     std::int64_t before, std::size_t limit) {
  auto select = session.prepare(
      "SELECT seq, tail,"
      " 1 + events - ifnull((SELECT min(n) FROM job_events AS e WHERE e.seq = j.seq), events + 1),"
      " ifnull((SELECT length(result) FROM job_results AS r WHERE r.seq = j.seq), 0)"
      " + ifnull((SELECT ifnull(length(body), (SELECT length(data) FROM blobs"
      " WHERE hash = body_hash)) FROM job_requests AS q WHERE q.seq = j.seq), 0)"
      " FROM jobs AS j WHERE model=? AND completed_at IS NOT NULL AND completed_at < ?"
      " ORDER BY completed_at LIMIT ?");
  if (!select) {
    return fail(select.error());
  }
  select->bind(model).bind(before).bind(static_cast<std::int64_t>(limit));
  std::vector<OldJob> jobs;
  while (true) {
    auto row = select->step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return jobs;
    }
    jobs.push_back(
        {.id = {.seq = select->integer(0), .tail = select->integer(1)},
         .events = static_cast<std::size_t>(std::max<std::int64_t>(0, select->integer(2))),
         .bytes = static_cast<std::size_t>(select->integer(3))});
  }
}

Result<void> forget_one(Session& session, const model::JobId& id) {
  const model::JobSeq seq = id.seq;
  auto unannounced = forget_deliveries(session, id.text());
  if (!unannounced) {
    return unannounced;
  }
  std::string hash;
  {
    auto remove = session.prepare("DELETE FROM job_requests WHERE seq=? RETURNING body_hash");
    if (!remove) {
      return fail(remove.error());
    }
    auto removed = one_row(remove->bind(seq), [&](const Statement& row) { hash = row.blob(0); });
    if (!removed) {
      return fail(removed.error());
    }
  }
  if (!hash.empty()) {
    auto released = release_blob(session, hash);
    if (!released) {
      return released;
    }
  }
  for (const std::string_view sql : {std::string_view("DELETE FROM job_results WHERE seq=?"),
                                     std::string_view("DELETE FROM job_events WHERE seq=?"),
                                     std::string_view("DELETE FROM jobs WHERE seq=?")}) {
    auto remove = session.prepare(sql);
    if (!remove) {
      return fail(remove.error());
    }
    auto removed = remove->bind(seq).run();
    if (!removed) {
      return removed;
    }
  }
  return {};
}

Result<void> forget_events(Session& session, model::JobSeq seq, std::size_t count) {
  auto remove = session.prepare(
      "DELETE FROM job_events WHERE seq=?1"
      " AND n < ?2 + (SELECT min(n) FROM job_events WHERE seq=?1)");
  if (!remove) {
    return fail(remove.error());
  }
  return remove->bind(seq).bind(static_cast<std::int64_t>(count)).run();
}

}  // namespace

Result<std::vector<EndedJobs>> ended(Session& session, std::string after, std::size_t limit) {
  std::vector<EndedJobs> models;
  while (models.size() < limit) {
    // One look into the index for each model; grouping would read all of it.
    auto select = session.prepare(
        "SELECT model, completed_at FROM jobs WHERE completed_at IS NOT NULL AND model > ?"
        " ORDER BY model, completed_at LIMIT 1");
    if (!select) {
      return fail(select.error());
    }
    auto row = select->bind(after).step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      break;
    }
    models.push_back({.model = select->text(0), .oldest = select->integer(1)});
    after = models.back().model;
  }
  return models;
}

Result<Forgotten> forget(Session& session, const std::string& model, std::int64_t before,
                         std::size_t limit) {
  auto old = old_jobs(session, model, before, limit);
  if (!old) {
    return fail(old.error());
  }
  const std::size_t most_events = limit * kEventsPerJob;
  Forgotten forgotten{.count = 0, .more = old->size() == limit};
  std::size_t cost = 0;
  for (const OldJob& job : *old) {
    if (cost != 0 && cost + job.cost() > limit) {
      forgotten.more = true;
      break;
    }
    if (job.events > most_events) {
      auto done = forget_events(session, job.id.seq, most_events);
      if (!done) {
        return fail(done.error());
      }
      forgotten.more = true;
      break;
    }
    auto done = forget_one(session, job.id);
    if (!done) {
      return fail(done.error());
    }
    cost += job.cost();
    ++forgotten.count;
  }
  return forgotten;
}

Result<Forgotten> forget_keys(Session& session, std::int64_t now, std::size_t limit) {
  std::vector<std::pair<std::string, std::size_t>> old;  // scope, bytes of the answer
  {
    auto select = session.prepare(
        "SELECT scope, ifnull(length(answer), 0) FROM idempotency WHERE expires_at <= ?"
        " ORDER BY expires_at LIMIT ?");
    if (!select) {
      return fail(select.error());
    }
    select->bind(now).bind(static_cast<std::int64_t>(limit));
    while (true) {
      auto row = select->step();
      if (!row) {
        return fail(row.error());
      }
      if (!*row) {
        break;
      }
      old.emplace_back(select->blob(0), static_cast<std::size_t>(select->integer(1)));
    }
  }
  Forgotten forgotten{.count = 0, .more = old.size() == limit};
  std::size_t cost = 0;
  for (const auto& [scope, bytes] : old) {
    const std::size_t own = 1 + bytes / kBytesPerJob;
    if (cost != 0 && cost + own > limit) {
      forgotten.more = true;
      break;
    }
    auto remove = session.prepare("DELETE FROM idempotency WHERE scope=?");
    if (!remove) {
      return fail(remove.error());
    }
    auto removed = remove->bind_blob(scope).run();
    if (!removed) {
      return fail(removed.error());
    }
    cost += own;
    ++forgotten.count;
  }
  return forgotten;
}

}  // namespace headgate::stores::sqlite
