#pragma once

#include <string_view>

namespace headgate::stores::sqlite {

/// The step of the schema that makes the table of webhook_store.h. Times are Unix milliseconds,
/// `state` is a WebhookState. Rows without next_at are not pending.
inline constexpr std::string_view kWebhookTables = R"sql(
CREATE TABLE webhooks (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER,
  last_status INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX webhooks_due ON webhooks (next_at, n, host) WHERE next_at IS NOT NULL;
CREATE INDEX webhooks_job ON webhooks (job_id);
)sql";

}  // namespace headgate::stores::sqlite
