#include "stores/sqlite/job_rows.h"

#include <algorithm>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "model/job_id.h"

namespace headgate::stores::sqlite {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<std::int64_t> integer_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? std::optional(value->get_int64()) : std::nullopt;
}

void append_budget(std::string& out, std::string_view member, std::optional<std::int64_t> budget) {
  if (budget) {
    out.append(member).append(std::to_string(*budget));
  }
}

}  // namespace

model::Job read_job(const Statement& row) {
  model::Job job;
  job.seq = row.integer(0);
  job.id = model::JobId{.seq = job.seq, .tail = row.integer(1)}.text();
  job.owner = row.text(2);
  job.client_id = row.text(3);
  job.kind = row.text(4);
  job.model = row.text(5);
  job.state = static_cast<model::JobState>(row.integer(6));
  job.priority = static_cast<model::Priority>(row.integer(7));
  job.work = static_cast<std::uint32_t>(row.integer(8));
  job.max_attempts = static_cast<std::uint32_t>(row.integer(9));
  job.attempts = decode_attempts(row.text(10));
  job.fence = row.integer(11);
  job.created_at = row.integer(12);
  job.started_at = row.optional_integer(13);
  job.completed_at = row.optional_integer(14);
  job.not_before = row.integer(15);
  job.start_by = row.optional_integer(16);
  job.finish_by = row.optional_integer(17);
  job.request_id = row.text(18);
  job.traceparent = row.text(19);
  job.webhook_url = row.text(20);
  job.error_json = row.text(21);
  job.input_tokens = row.integer(22);
  job.output_tokens = row.integer(23);
  job.cost = row.real(24);
  return job;
}

Result<std::vector<model::Job>> read_jobs(Statement& select) {
  std::vector<model::Job> jobs;
  while (true) {
    auto row = select.step();
    if (!row) {
      return fail(row.error());
    }
    if (!*row) {
      return jobs;
    }
    jobs.push_back(read_job(select));
  }
}

Result<model::Job> find_job(Database::Session& session, const std::string& id,
                            const std::string& owner) {
  const auto parsed = model::JobId::parse(id);
  if (!parsed) {
    return fail(not_found("There is no job " + id + ".", "job_not_found"));
  }
  auto select = session.prepare("SELECT " HEADGATE_JOB_COLUMNS " FROM jobs WHERE seq=? AND tail=?");
  if (!select) {
    return fail(select.error());
  }
  model::Job job;
  auto found = one_row(select->bind(parsed->seq).bind(parsed->tail),
                       [&](const Statement& row) { job = read_job(row); });
  if (!found) {
    return fail(found.error());
  }
  if (!*found || (!owner.empty() && job.owner != owner)) {
    return fail(not_found("There is no job " + id + ".", "job_not_found"));
  }
  return job;
}

std::string encode_attempts(const std::vector<model::JobAttempt>& attempts) {
  std::string out;
  for (const model::JobAttempt& attempt : attempts) {
    out.append(out.empty() ? "[" : ",");
    out.append(R"({"n":)").append(std::to_string(attempt.n));
    out.append(R"(,"provider":)").append(json_quote(attempt.provider));
    out.append(R"(,"target":)").append(json_quote(attempt.target));
    out.append(R"(,"started_at":)").append(std::to_string(attempt.started_at));
    if (attempt.ended_at) {
      out.append(R"(,"ended_at":)").append(std::to_string(*attempt.ended_at));
    }
    if (!attempt.outcome.empty()) {
      out.append(R"(,"outcome":)").append(json_quote(attempt.outcome));
    }
    if (!attempt.error.empty()) {
      out.append(R"(,"error":)").append(json_quote(attempt.error));
    }
    if (!attempt.remote_id.empty()) {
      out.append(R"(,"remote_id":)").append(json_quote(attempt.remote_id));
    }
    out.push_back('}');
  }
  return out.empty() ? out : out + "]";
}

std::vector<model::JobAttempt> decode_attempts(const std::string& text) {
  std::vector<model::JobAttempt> attempts;
  if (text.empty()) {
    return attempts;
  }
  boost::system::error_code ec;
  const json::value parsed = json::parse(text, ec);
  if (ec || !parsed.is_array()) {
    return attempts;
  }
  for (const json::value& entry : parsed.get_array()) {
    if (!entry.is_object()) {
      continue;
    }
    const json::object& object = entry.get_object();
    attempts.push_back({.n = static_cast<std::uint32_t>(integer_of(object, "n").value_or(0)),
                        .provider = text_of(object, "provider"),
                        .target = text_of(object, "target"),
                        .started_at = integer_of(object, "started_at").value_or(0),
                        .ended_at = integer_of(object, "ended_at"),
                        .outcome = text_of(object, "outcome"),
                        .error = text_of(object, "error"),
                        .remote_id = text_of(object, "remote_id")});
  }
  return attempts;
}

std::string encode_principal(const model::Principal& principal) {
  std::string out;
  out.reserve(64 + principal.id.size() + principal.name.size() + principal.tier.size());
  out.append(R"({"id":)");
  append_json_quoted(out, principal.id);
  out.append(R"(,"name":)");
  append_json_quoted(out, principal.name);
  out.append(R"(,"tier":)");
  append_json_quoted(out, principal.tier);
  out.append(R"(,"scopes":)").append(std::to_string(principal.scopes.bits()));
  append_budget(out, R"(,"budget_day":)", principal.budget_day);
  append_budget(out, R"(,"budget_month":)", principal.budget_month);
  return out.append("}");
}

model::Principal decode_principal(const std::string& text) {
  model::Principal principal;
  boost::system::error_code ec;
  const json::value parsed = json::parse(text, ec);
  if (ec || !parsed.is_object()) {
    return principal;
  }
  const json::object& object = parsed.get_object();
  principal.id = text_of(object, "id");
  principal.name = text_of(object, "name");
  principal.tier = text_of(object, "tier");
  principal.kind =
      principal.id.starts_with("key:") ? model::Principal::Kind::Key : model::Principal::Kind::User;
  principal.scopes = model::ScopeSet::from_bits(
      static_cast<std::uint32_t>(integer_of(object, "scopes").value_or(0)));
  principal.budget_day = integer_of(object, "budget_day");
  principal.budget_month = integer_of(object, "budget_month");
  return principal;
}

Result<void> insert_event(Database::Session& session, model::JobSeq seq, std::int64_t n,
                          std::string_view type, std::string_view data) {
  auto insert = session.prepare("INSERT INTO job_events (seq, n, type, data) VALUES (?,?,?,?)");
  if (!insert) {
    return fail(insert.error());
  }
  return insert->bind(seq).bind(n).bind(type).bind(data).run();
}

std::string status_event(model::JobState state, std::size_t attempt, std::int64_t now) {
  std::string data = R"({"status":")";
  data.append(name_of(state)).append("\"");
  if (attempt != 0) {
    data.append(R"(,"attempt":)").append(std::to_string(attempt));
  }
  data.append(R"(,"at":")");
  append_rfc3339(data, now);
  return data.append("\"}");
}

}  // namespace headgate::stores::sqlite
