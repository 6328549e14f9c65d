#pragma once

#include <string_view>

namespace headgate::stores::sqlite {

/// Jobs and what belongs to them. A job's row changes a few times in its life and stays small; its
/// bytes are written once, in tables of their own. Its first event follows from its row and is kept
/// only for jobs of older programs. `state` is model::JobState, times are Unix
/// milliseconds, `seq` is the JobSeq in the job's id and `tail` that id's random bits.
inline constexpr std::string_view kJobTables = R"sql(
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  owner TEXT NOT NULL,
  client TEXT NOT NULL,
  kind TEXT NOT NULL,
  model TEXT NOT NULL,
  state INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  work INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  attempts TEXT NOT NULL,
  fence INTEGER NOT NULL,
  events INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  not_before INTEGER NOT NULL,
  start_by INTEGER,
  finish_by INTEGER,
  request_id TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  webhook_url TEXT NOT NULL,
  error TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost REAL NOT NULL
) STRICT;
CREATE INDEX jobs_open ON jobs (state) WHERE state < 2;
CREATE INDEX jobs_of_owner ON jobs (owner);
CREATE INDEX jobs_ended ON jobs (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX jobs_due ON jobs (min(ifnull(start_by, finish_by), ifnull(finish_by, start_by)))
  WHERE state = 0 AND (start_by IS NOT NULL OR finish_by IS NOT NULL);
CREATE TABLE job_requests (
  seq INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  content_type TEXT NOT NULL,
  principal TEXT NOT NULL,
  body BLOB,
  body_hash BLOB
) STRICT;
CREATE TABLE job_results (
  seq INTEGER PRIMARY KEY,
  result BLOB NOT NULL
) STRICT;
CREATE TABLE job_events (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_counts (
  model TEXT NOT NULL,
  state INTEGER NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (model, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE blobs (
  hash BLOB NOT NULL UNIQUE,
  holders INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE TABLE idempotency (
  scope BLOB PRIMARY KEY,
  body BLOB NOT NULL,
  job INTEGER,
  status INTEGER,
  content_type TEXT,
  answer BLOB,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
)sql";

/// The queued jobs that expire one day, and when; as expressions of an index.
#define HEADGATE_DUE_JOBS \
  "state = 0 AND (finish_by IS NOT NULL OR (start_by IS NOT NULL AND started_at IS NULL))"
#define HEADGATE_DUE_TIME                                                                  \
  "iif(started_at IS NULL, min(ifnull(start_by, finish_by), ifnull(finish_by, start_by))," \
  " finish_by)"

/// `start_by` counts only for jobs that never started.
inline constexpr std::string_view kJobExpiry =
    "DROP INDEX jobs_due;"
    "CREATE INDEX jobs_due ON jobs (" HEADGATE_DUE_TIME ") WHERE " HEADGATE_DUE_JOBS ";";

}  // namespace headgate::stores::sqlite
