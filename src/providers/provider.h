#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/answer_trail.h"
#include "model/chat.h"
#include "model/chat_answer.h"
#include "model/embedding.h"
#include "model/inference_request.h"
#include "model/media.h"
#include "model/token_usage.h"

namespace headgate::providers {

/// One HTTP call of a vendor. Its body is given in pieces, so that a client's megabytes are sent as
/// they came; pieces point into the request's body, the target's name or static text.
struct WireRequest {
  static constexpr std::size_t kMaxPieces = 7;
  std::string_view method = "POST";
  std::string path;  ///< behind the provider's base URL, e.g. "/chat/completions"
  /// Header lines, each "name: value\r\n", without framing, host and credentials. Static, or in
  /// `owned`.
  std::string_view fields;
  std::array<std::string_view, kMaxPieces> body;
  std::size_t pieces = 0;
  std::string owned;  ///< backs what is ours of the pieces and fields; not to be changed once set

  void add(std::string_view piece) {
    if (!piece.empty()) {
      body[pieces++] = piece;
    }
  }
};

/// What a target is to its provider.
struct TargetName {
  std::string model;       ///< the provider's name of the model
  std::string json_model;  ///< the same as a JSON string, quotes included
  std::int64_t max_output =
      0;                   ///< tokens an answer may have where the request does not say; 0: unknown
  std::string endpoint{};  ///< where the provider has several: its id, as configured
};

class RemoteJobs;

using model::Usage;

/// Follows one streamed answer and hands on what the client may see.
class StreamRelay {
 public:
  virtual ~StreamRelay() = default;
  /// Takes the next bytes as they came from the wire, cut anywhere, and returns the whole events in
  /// them that go to the client (maybe none). Valid until the next call. Fails with UpstreamFailed
  /// when the vendor reports an error in the stream or an event passes the size limit.
  virtual Result<std::string_view> feed(std::string_view bytes) = 0;
  /// The wire stream has ended properly: what is still to be sent, or UpstreamFailed if the answer
  /// is not complete.
  virtual Result<std::string_view> finish() = 0;
  /// Known when the stream has told it.
  virtual Usage usage() const = 0;
  /// The vendor has marked the end of its answer: nothing is missing, whatever becomes of the wire.
  virtual bool ended() const { return false; }
  /// What of the answer has been handed on.
  const model::AnswerTrail& trail() const { return trail_; }

 protected:
  model::AnswerTrail trail_;
};

/// Reads one streamed chat answer of a vendor.
class ChatReader {
 public:
  virtual ~ChatReader() = default;
  /// Takes the next bytes as they came from the wire, cut anywhere, and appends the events that are
  /// whole. A malformed wire event is skipped. Fails with what an error in the stream means to our
  /// caller, or UpstreamFailed if a wire event passes the size limit.
  virtual Result<void> feed(std::string_view bytes, std::vector<model::ChatEvent>& events) = 0;
  /// The wire stream has ended properly: UpstreamFailed if the answer is not complete.
  virtual Result<void> finish(std::vector<model::ChatEvent>& events) = 0;
  /// As StreamRelay::ended.
  virtual bool ended() const { return false; }
};

/// What an answer to Provider::encode_health says.
struct Vitals {
  enum class State : std::uint8_t {
    Well,
    Idle,  ///< nothing runs now; the next request starts it
    Ill,   ///< it answers, but cannot work
  };
  State state = State::Well;
  std::vector<std::pair<std::string, std::uint64_t>> workers{};  ///< e.g. {"idle", 2}
  std::string trouble{};  ///< why it is ill, or what callers will notice; safe to show
};

/// Translates between the client's request and one vendor's wire format.
///
/// Pure: no sockets, clocks, threads or logging; dispatch/ performs the calls, the retries and the
/// waits. Instances are immutable and shared between threads.
class Provider {
 public:
  virtual ~Provider() = default;
  /// The HTTP call that starts `request`. InvalidRequest if the vendor cannot express it.
  virtual Result<WireRequest> encode(const model::InferenceRequest& request,
                                     const TargetName& target) const = 0;
  /// Header lines that carry the credential; empty for an empty key.
  virtual std::string credential_fields(std::string_view api_key) const = 0;
  /// What a refusal of the vendor means to our caller. `retry_after` is that of retry_after_of();
  /// `body` may be cut at a few KiB.
  virtual Error decode_error(int status, std::string_view retry_after,
                             std::string_view body) const = 0;
  /// Whether the body of a whole answer that passes on as it came is one: UpstreamFailed if it is
  /// not, or what an error in its place means.
  virtual Result<void> check_answer(model::Kind kind, std::string_view body) const;
  /// What a whole answer says that it was billed with; `tail` is its last few KiB at least.
  virtual Usage usage_of(std::string_view tail) const = 0;
  virtual std::unique_ptr<StreamRelay> stream_relay(
      const model::InferenceRequest& request) const = 0;

  /// Whether the vendor does what requests of this kind ask for, as far as is known beforehand.
  virtual bool offers(model::Kind kind) const { return kind == model::Kind::Chat; }
  /// Whether requests of this kind and dialect pass through encode() as the client wrote them. All
  /// others go through the neutral calls below; what a vendor does not offer fails with
  /// InvalidRequest.
  virtual bool passes(model::Dialect dialect, model::Kind kind) const = 0;
  /// The HTTP call that starts a chat. InvalidRequest names the member that the vendor cannot
  /// express.
  virtual Result<WireRequest> encode_chat(const model::ChatRequest& request,
                                          model::Delivery delivery, const TargetName& target) const;
  /// A whole answer. UpstreamFailed if it is none, or what an error inside of it means.
  virtual Result<model::ChatAnswer> decode_chat(std::string_view body) const;
  /// A call that costs nothing and tells whether the vendor answers: its list of models.
  virtual WireRequest encode_model_list() const;
  /// A call that costs nothing and tells how a target is; its list of models where there is no
  /// better.
  virtual WireRequest encode_health(const TargetName& target) const;
  /// Of an answer of that call, which may be cut at a few KiB.
  virtual Vitals read_health(int status, std::string_view body) const;
  /// How work is handed over that the vendor carries out as a job of its own; null if it has none.
  virtual const RemoteJobs* remote_jobs() const { return nullptr; }
  /// Null if the vendor offers no chat.
  virtual std::unique_ptr<ChatReader> chat_reader() const;
  virtual Result<WireRequest> encode_embedding(const model::EmbeddingRequest& request,
                                               const TargetName& target) const;
  virtual Result<model::EmbeddingAnswer> decode_embedding(std::string_view body) const;
  virtual Result<WireRequest> encode_image(const model::ImageRequest& request,
                                           const TargetName& target) const;
  virtual Result<model::ImageAnswer> decode_image(std::string_view body) const;
  virtual Result<WireRequest> encode_speech(const model::SpeechRequest& request,
                                            const TargetName& target) const;
  virtual Result<model::SpeechAnswer> decode_speech(std::string_view body) const;
  /// The HTTP call that counts the input tokens of a chat without answering it.
  virtual Result<WireRequest> encode_count(const model::ChatRequest& request,
                                           const TargetName& target) const;
  /// The same for a request that passes() as the client wrote it.
  virtual Result<WireRequest> encode_own_count(const model::InferenceRequest& request,
                                               const TargetName& target) const;
  virtual Result<std::int64_t> decode_count(std::string_view body) const;
};

/// The provider that speaks `protocol`, or nullptr if this build has none of that name.
const Provider* provider_for(std::string_view protocol);

}  // namespace headgate::providers
