#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "model/job.h"
#include "model/principal.h"
#include "model/usage.h"

namespace headgate::model {

/// A slot of a model's line, given back when this dies.
class HeldSlot {
 public:
  virtual ~HeldSlot() = default;
};

/// Notes each attempt of a job before it is made, so that no crash makes it count for nothing.
class AttemptLedger {
 public:
  virtual ~AttemptLedger() = default;
  /// Returns when the attempt is on disk. Fails if it may not be made.
  virtual Task<Result<void>> begin(std::string_view provider, std::string_view target) = 0;
  /// The attempt that was begun last failed so, and another may follow.
  virtual void failed(const Error& error) = 0;

  /// The attempt that was begun last is carried out by the provider as a job of its own, called
  /// `id`. Returns when that is on disk.
  virtual Task<Result<void>> remote(std::string_view id) = 0;
  /// The last attempt, if it is still under way at the provider: begin() for the same target goes
  /// on with it instead of beginning another. Null if there is none.
  virtual const JobAttempt* under_way() const = 0;
  /// Whether what is under way at a provider goes on though this run ends: the gateway stops, and
  /// the next start waits for it again.
  virtual bool leaves_remote() const = 0;
};

/// What a request may cost: reserved when it was let in, settled once with what it used. On the
/// request's loop. If it dies unsettled, it counts what is known then: nothing if no upstream was
/// called, else what was estimated.
class Spending {
 public:
  enum class End : std::uint8_t {
    Complete,  ///< answered to the end
    Cut,       ///< the answer broke off: what is unknown of it counts as estimated
    Refused,   ///< no answer: what is unknown counts as nothing
  };
  virtual ~Spending() = default;
  /// Before an upstream is called: puts what is reserved on disk. Fails if that cannot be; then
  /// none may be called. A second call does nothing.
  virtual Task<Result<void>> begin() = 0;
  /// Charges what the request's context says was used; on disk when this returns, if anything
  /// depends on that. A second call does nothing. That of a job only fixes what was used, so that
  /// it can be written with the end of the job.
  virtual Task<void> settle(End end) = 0;

  /// Of a job, once settled: what the transaction that ends the job has to write. From now on this
  /// writes by itself only what cannot count twice, whatever comes of that transaction.
  virtual UsageBatch hand_over() = 0;
  enum class HandedOver : std::uint8_t {
    Written,  ///< it is on disk
    Refused,  ///< none of it is: this writes it by itself, as that of a job that did not end
  };
  virtual void handed_over(HandedOver outcome) = 0;
  /// Of a job that does not end yet, once settled: writes what it used so far.
  virtual Task<void> write() = 0;
};

/// What a request that failed leaves unknown: a refusal costs nothing, but a call that took too
/// long or that the client broke off was most likely carried out.
inline Spending::End end_of_failure(ErrorKind kind) {
  return kind == ErrorKind::Timeout || kind == ErrorKind::ClientLeft ? Spending::End::Cut
                                                                     : Spending::End::Refused;
}

/// What a client says of kept answers.
struct CacheWish {
  enum class Use : std::uint8_t {
    Full,   ///< read and keep
    Fresh,  ///< keep only: Cache-Control: no-cache
    None,   ///< Cache-Control: no-store
  };
  Use use = Use::Full;
  bool any = false;  ///< also for requests whose answers differ from time to time
};

/// Where an answer came from.
enum class CacheOutcome : std::uint8_t {
  Off,   ///< no cache had to do with it
  Miss,  ///< from a target; it is kept
  Hit,   ///< from a cache
};

inline std::string_view name_of(CacheOutcome outcome) {
  switch (outcome) {
    case CacheOutcome::Miss:
      return "miss";
    case CacheOutcome::Hit:
      return "hit";
    case CacheOutcome::Off:
      break;
  }
  return "off";
}

/// What accompanies one request from the edge to the last attempt and into the log line. Owned by
/// its connection, used on that connection's loop only, and reset for the next request.
struct RequestContext {
  std::string request_id;                      ///< the caller's x-request-id or a UUIDv7
  std::string traceparent;                     ///< W3C trace context as received, or empty
  std::string client_id;                       ///< X-Client-ID, a label
  std::shared_ptr<const Principal> principal;  ///< shared with the key table; null before auth
  std::string_view remote_address;             ///< of the client, after trusted proxies
  bool admin_listener = false;                 ///< came in on server.admin_listen
  SteadyTime started{};
  SteadyTime deadline = SteadyTime::max();
  CancelSource cancel;  ///< fires when the client leaves or the gateway must stop
  Priority priority = Priority::Normal;
  CacheWish cache_wish;
  AttemptLedger* ledger = nullptr;  ///< set for a job: told of each attempt, and has its slot
  std::unique_ptr<HeldSlot> slot;   ///< of a caller; given back when its answer has been sent

  // Filled on the way, for headers, metrics and the log line.
  std::string_view route;  ///< the route's pattern, e.g. "/v1/models/{id}"; static
  std::string_view kind;   ///< "chat", "extract", ...; static; empty if no inference
  std::string model;       ///< public model name
  std::string provider;
  std::string target;      ///< the provider's own model name
  std::string error_code;  ///< wire code of the error that was answered, or empty
  /// The model that answers, where it is another than the one asked for: a fallback, or a rule's.
  std::string other_model;
  const std::string& answering_model() const { return other_model.empty() ? model : other_model; }
  std::string error_detail;  ///< log only
  std::uint32_t attempts = 0;
  bool streamed = false;
  CacheOutcome cache = CacheOutcome::Off;
  std::int64_t input_tokens = -1;  ///< -1: unknown
  std::int64_t output_tokens = -1;
  bool usage_estimated = false;  ///< the two above, in part or both: no provider told them
  /// The calls that failed before: "provider/target=code", with blanks between; cut when long.
  std::string failed_attempts;
  std::int64_t images = -1;      ///< made
  std::int64_t characters = -1;  ///< spoken
  std::int64_t audio_ms = -1;    ///< transcribed
  std::int64_t micro_usd = 0;    ///< what it cost, once settled by a Spending
  bool usage_counted = false;    ///< by a Spending
  std::chrono::nanoseconds auth_time{0};
  std::chrono::nanoseconds queue_time{0};
  std::chrono::nanoseconds upstream_time{
      0};  ///< from sending the attempt to the answer's first byte
  std::chrono::nanoseconds upstream_wait{
      0};  ///< all time spent waiting for upstreams; not overhead

  std::unique_ptr<Spending> spending;  ///< null: nothing is limited; reads this context as it dies

  void reset() {
    spending.reset();
    request_id.clear();
    traceparent.clear();
    client_id.clear();
    principal.reset();
    remote_address = {};
    deadline = SteadyTime::max();
    cancel.reset();
    priority = Priority::Normal;
    cache_wish = {};
    ledger = nullptr;
    slot.reset();
    route = {};
    kind = {};
    model.clear();
    provider.clear();
    target.clear();
    error_code.clear();
    other_model.clear();
    error_detail.clear();
    attempts = 0;
    streamed = false;
    cache = CacheOutcome::Off;
    input_tokens = output_tokens = -1;
    usage_estimated = false;
    failed_attempts.clear();
    images = characters = audio_ms = -1;
    micro_usd = 0;
    usage_counted = false;
    auth_time = queue_time = upstream_time = upstream_wait = {};
  }
};

}  // namespace headgate::model
