#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/json_view.h"
#include "base/result.h"
#include "model/chat.h"
#include "model/chat_answer.h"
#include "model/inference_request.h"
#include "providers/provider.h"

namespace headgate::providers {

/// POST {base}/v1/messages for a neutral chat. Not sent, because the Messages API has no place for
/// them: names of speakers, `detail` of images, name and description of an output schema, and
/// reasoning that is not signed.
Result<WireRequest> encode_anthropic_chat(const model::ChatRequest& request,
                                          model::Delivery delivery, const TargetName& target);
/// A message, or what an error in its place means.
Result<model::ChatAnswer> decode_anthropic_chat(std::string_view body);
/// Reader of a stream of message events.
std::unique_ptr<ChatReader> make_anthropic_chat_reader();
/// Relay of a stream to a client of the same dialect: whole events pass as they came. Pings and
/// malformed events are dropped, usage is read; an error event fails the stream; the end must be
/// message_stop, or at least come after a stop reason.
std::unique_ptr<StreamRelay> make_anthropic_stream();

/// What an error answer means to our caller. Faults of the request keep the vendor's message;
/// faults of ours towards the vendor and of the vendor do not. A request that does not fit the
/// model's window has the code "context_length_exceeded", and one refused for its content
/// "content_policy_violation".
Error decode_anthropic_error(int status, std::string_view retry_after, std::string_view body);
/// What an error means that came where an answer was due: in a stream, or with status 200.
Error decode_anthropic_error_event(std::string_view data);

/// Why the model stopped, by its `stop_reason`.
model::Finish read_anthropic_finish(std::string_view stop_reason);

/// Tokens of one answer, as its `usage` members tell them: what is told last holds.
class AnthropicUsage final {
 public:
  /// The `usage` of a whole message or of message_delta.
  void take(const JsonView& usage);
  /// The `usage` of message_start, where the output is only a placeholder.
  void take_input(const JsonView& usage);
  Usage total() const;

 private:
  std::int64_t input_ = -1;  // without what was read from or written to the cache
  std::int64_t cached_ = -1;
  std::int64_t cache_written_ = -1;
  std::int64_t output_ = -1;
  std::int64_t thinking_ = -1;
};

}  // namespace headgate::providers
