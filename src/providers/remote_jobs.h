#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "providers/provider.h"

namespace headgate::providers {

/// How a job of the provider stands.
struct RemoteState {
  enum class Phase : std::uint8_t { Queued, Running, Succeeded, Failed };
  Phase phase = Phase::Queued;
  std::string output_json{};       ///< of Succeeded: as it came
  std::optional<Error> failure{};  ///< of Failed: what it means to our caller
  std::int64_t delay_ms = -1;      ///< waited in the provider's queue, cold start included
  std::int64_t execution_ms = -1;
  std::string worker{};
};

/// How a provider is handed work that it carries out as a job of its own, under an id.
///
/// Pure, as Provider. There is no way to hand over the same work twice without doing it twice.
class RemoteJobs {
 public:
  virtual ~RemoteJobs() = default;
  /// The call that hands over `input`, a JSON object, to be done within `time` once it runs.
  /// InvalidRequest if it is larger than the provider takes. Ids are safe to put in a path.
  virtual Result<WireRequest> encode_run(std::string_view input, std::chrono::milliseconds time,
                                         const TargetName& target) const = 0;
  /// The job's id; UpstreamFailed if the answer is none.
  virtual Result<std::string> read_run(std::string_view body) const = 0;
  virtual WireRequest encode_status(std::string_view id, const TargetName& target) const = 0;
  /// UpstreamFailed if the answer is none.
  virtual Result<RemoteState> read_status(std::string_view body) const = 0;
  /// What a refusal to tell a job's state means. Unset: nothing of the job, so ask again.
  virtual std::optional<Error> lost(int status, std::string_view retry_after,
                                    std::string_view body) const = 0;
  virtual WireRequest encode_cancel(std::string_view id, const TargetName& target) const = 0;
};

}  // namespace headgate::providers
