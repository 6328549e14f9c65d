#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/task.h"

namespace headgate::stores {

/// One principal's use of an Idempotency-Key.
struct IdempotencyClaim {
  Sha256 scope{};               ///< of principal, method, path and key
  Sha256 body{};                ///< of the request's body
  std::int64_t expires_at = 0;  ///< Unix milliseconds
};

/// An answer that is given again.
struct KeptAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
};

/// Idempotency keys of calls that are answered at once; those of jobs are claimed with the job.
/// Durable as JobStore is; safe from any event loop. Implementations must pass
/// testing/job_store_contract.h.
class IdempotencyStore {
 public:
  virtual ~IdempotencyStore() = default;
  /// Claims a key: the answer it has led to before, or nullopt if the call may be made. Conflict
  /// while another call has it or if it made a job, Unprocessable if it came with another body.
  virtual Task<Result<std::optional<KeptAnswer>>> claim(IdempotencyClaim claim,
                                                        std::int64_t now) = 0;
  /// Keeps the answer of the call that has claimed `scope`.
  virtual Task<Result<void>> settle(Sha256 scope, KeptAnswer answer) = 0;
  /// The call came to nothing: the key may be used again.
  virtual Task<Result<void>> drop(Sha256 scope) = 0;
};

}  // namespace headgate::stores
