#pragma once

#include <optional>

#include "api/route.h"
#include "stores/idempotency_store.h"

namespace headgate::api {

/// The claim of a request that carries an Idempotency-Key: of its principal, method, path and key,
/// for a day. InvalidRequest for a key that is empty or longer than 255 characters.
Result<std::optional<stores::IdempotencyClaim>> idempotency_claim(const Call& call,
                                                                  std::int64_t now);

/// Lets a call with an Idempotency-Key be made once and gives its answer again. Thread safe.
class Idempotency final {
 public:
  /// Borrows both.
  Idempotency(stores::IdempotencyStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  /// What `endpoint` answers, or has answered before. Only a success is kept: after an error, also
  /// one in the middle of a stream, the key is free again. The answer's stream needs `call.context`
  /// as long as it lives.
  Task<Result<edge::Response>> answer(const Endpoint& endpoint, Call call) const;

 private:
  stores::IdempotencyStore& store_;
  const Clock& clock_;
};

}  // namespace headgate::api
