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
  std::string id{};                ///< of the job that this is about, if it was told
  std::string output_json{};       ///< of Succeeded: as it came
  std::optional<Error> failure{};  ///< of Failed: what it means to our caller
  std::int64_t delay_ms = -1;      ///< waited in the provider's queue, cold start included
  std::int64_t execution_ms = -1;
  std::string worker{};
};

/// What a job has put out since it was asked last.
struct RemoteOutput {
  std::string bytes;   ///< of a stream of events, cut anywhere
  bool ended = false;  ///< the job has ended; of its output there may still be more
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
  /// Whether chats and the like are such jobs too: the calls of Provider::encode hand them over.
  virtual bool carries_chats() const = 0;
  /// The call that waits a while for output of a job. Each part is given out once, so only one may
  /// ask.
  virtual WireRequest encode_stream(std::string_view id, const TargetName& target) const = 0;
  /// UpstreamFailed if the answer is none.
  virtual Result<RemoteOutput> read_stream(std::string_view body) const = 0;
  /// The HTTP body that the output of a chat's job stands for: JSON, or of a stream all its events.
  /// UpstreamFailed if it is none.
  virtual Result<std::string> read_chat_output(std::string_view output_json) const = 0;
  virtual WireRequest encode_cancel(std::string_view id, const TargetName& target) const = 0;
};

}  // namespace headgate::providers
