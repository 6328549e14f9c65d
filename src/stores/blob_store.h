#pragma once

#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/task.h"

namespace headgate::stores {

/// Large bodies, each kept once under the SHA-256 of its bytes, with a count of who needs it.
/// Durable as JobStore is; safe from any event loop. Implementations must pass
/// testing/job_store_contract.h.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  /// Keeps `bytes`, or counts one more holder of the same bytes.
  virtual Task<Result<Sha256>> put(std::string bytes) = 0;
  /// NotFound if nobody holds it; Internal (`blob_damaged`) if the bytes no longer have this hash.
  virtual Task<Result<std::string>> get(Sha256 hash) = 0;
  /// One holder less; the last one takes the bytes along.
  virtual Task<Result<void>> release(Sha256 hash) = 0;
};

}  // namespace headgate::stores
