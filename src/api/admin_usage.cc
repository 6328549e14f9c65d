#include "api/admin_usage.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <utility>

#include "api/admin_fields.h"
#include "api/form.h"
#include "base/encoding.h"
#include "limits/pricing.h"

namespace headgate::api {
namespace {

using stores::UsageGroup;
using stores::UsageRecord;
using Parameters = std::map<std::string, std::string>;

constexpr std::array<std::pair<std::string_view, UsageGroup>, 3> kGroups = {
    {{"day", UsageGroup::Day}, {"model", UsageGroup::Model}, {"principal", UsageGroup::Principal}}};

const std::string& text_of(const Parameters& parameters, const std::string& name) {
  static const std::string none;
  const auto found = parameters.find(name);
  return found == parameters.end() ? none : found->second;
}

Result<std::optional<UtcDay>> day_of(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) {
    return std::optional<UtcDay>();
  }
  const std::optional<UtcDay> day = parse_day(found->second);
  if (!day) {
    return fail(invalid_request("'" + name + "' must be a day like 2026-01-31.", name));
  }
  return day;
}

/// The place of a row in a list, for `after`: opaque to callers.
std::string cursor_of(const UsageRecord& row) {
  return base64url(std::to_string(row.day) + "\n" + row.principal + "\n" + row.model);
}

std::optional<UsageRecord> parse_cursor(const std::string& text) {
  const auto decoded = decode_base64url(text);
  if (!decoded) {
    return std::nullopt;
  }
  const std::size_t first = decoded->find('\n');
  const std::size_t second = first == std::string::npos ? first : decoded->find('\n', first + 1);
  if (second == std::string::npos) {
    return std::nullopt;
  }
  UsageRecord row;
  const char* const end = decoded->data() + first;
  const auto [stop, status] = std::from_chars(decoded->data(), end, row.day);
  if (status != std::errc() || stop != end) {
    return std::nullopt;
  }
  row.principal = decoded->substr(first + 1, second - first - 1);
  row.model = decoded->substr(second + 1);
  return row;
}

Result<stores::UsageQuery> parse_usage_query(std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) {
    return fail(parameters.error());
  }
  constexpr std::array<std::string_view, 7> kKnown = {"principal", "model", "from", "to",
                                                      "group",     "limit", "after"};
  for (const auto& [name, value] : *parameters) {
    if (std::ranges::find(kKnown, std::string_view(name)) == kKnown.end()) {
      return fail(invalid_request("There is no parameter '" + name + "' here.", name));
    }
  }
  auto page = parse_page(query);
  auto from = day_of(*parameters, "from");
  auto to = day_of(*parameters, "to");
  for (const Error* error : {page ? nullptr : &page.error(), from ? nullptr : &from.error(),
                             to ? nullptr : &to.error()}) {
    if (error != nullptr) {
      return fail(*error);
    }
  }
  if (*from && *to && **to < **from) {
    return fail(invalid_request("'to' is before 'from'.", "to"));
  }
  stores::UsageQuery usage{.principal = text_of(*parameters, "principal"),
                           .model = text_of(*parameters, "model"),
                           .from = *from,
                           .to = *to,
                           .limit = page->limit};
  if (const auto group = parameters->find("group"); group != parameters->end()) {
    const auto found = std::ranges::find(kGroups, std::string_view(group->second),
                                         &std::pair<std::string_view, UsageGroup>::first);
    if (found == kGroups.end()) {
      return fail(invalid_request("'group' must be day, model or principal.", "group"));
    }
    usage.group = found->second;
  }
  if (!page->after.empty()) {
    usage.after = parse_cursor(page->after);
    if (!usage.after) {
      return fail(invalid_request("'after' must be the last_id of a page.", "after"));
    }
  }
  return usage;
}

std::string figures_json(const UsageRecord& record) {
  return R"("requests":)" + std::to_string(record.requests) + R"(,"input_tokens":)" +
         std::to_string(record.input_tokens) + R"(,"output_tokens":)" +
         std::to_string(record.output_tokens) + R"(,"cost_usd":)" +
         limits::usd_text(record.micro_usd) + R"(,"estimated_requests":)" +
         std::to_string(record.estimated);
}

std::string row_json(const UsageRecord& row, UsageGroup group) {
  const auto shown = [group](UsageGroup which) {
    return group == UsageGroup::All || group == which;
  };
  std::string json = "{";
  if (shown(UsageGroup::Day)) {
    json.append(R"("day":)").append(json_quote(day_text(row.day))).append(",");
  }
  if (shown(UsageGroup::Principal)) {
    json.append(R"("principal":)").append(json_quote(row.principal)).append(",");
  }
  if (shown(UsageGroup::Model)) {
    json.append(R"("model":)").append(json_quote(row.model)).append(",");
  }
  return json + figures_json(row) + "}";
}

}  // namespace

Task<Result<edge::Response>> UsageReport::handle(Call call) const {
  auto query = parse_usage_query(call.http.query);
  if (!query) {
    co_return fail(query.error());
  }
  const UsageGroup group = query->group;
  auto page = co_await store_.query(std::move(*query));
  if (!page) {
    co_return fail(page.error());
  }
  edge::Response response;
  response.body = R"({"object":"list","data":[)";
  for (const UsageRecord& row : page->rows) {
    response.body.append(response.body.ends_with('[') ? "" : ",").append(row_json(row, group));
  }
  response.body.append(R"(],"totals":{)" + figures_json(page->totals) + R"(},"has_more":)");
  response.body.append(page->has_more ? "true" : "false").append(R"(,"last_id":)");
  response.body.append(page->rows.empty() ? "null" : json_quote(cursor_of(page->rows.back())));
  response.body.append("}");
  co_return response;
}

}  // namespace headgate::api
