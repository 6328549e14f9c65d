#pragma once

#include <string_view>

namespace headgate::stores::sqlite {

/// The step of the schema that makes the tables of usage_store.h and gives API keys their budgets.
/// `day` counts from 1970-01-01 UTC, money is in millionths of a dollar.
inline constexpr std::string_view kUsageTables = R"sql(
CREATE TABLE usage (
  day INTEGER NOT NULL,
  principal TEXT NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  micro_usd INTEGER NOT NULL,
  PRIMARY KEY (day, principal, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_reservations (
  id TEXT PRIMARY KEY,
  day INTEGER NOT NULL,
  principal TEXT NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  micro_usd INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE api_keys ADD COLUMN budget_day INTEGER;
ALTER TABLE api_keys ADD COLUMN budget_month INTEGER;
)sql";

/// The step that counts the requests whose tokens were estimated.
inline constexpr std::string_view kUsageEstimates = R"sql(
ALTER TABLE usage ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_reservations ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
)sql";

}  // namespace headgate::stores::sqlite
