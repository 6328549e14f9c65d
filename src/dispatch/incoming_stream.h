#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "dispatch/attempt.h"
#include "dispatch/race.h"
#include "dispatch/translated_stream.h"
#include "providers/provider.h"

namespace headgate::dispatch {

/// What has come of one streamed call.
struct IncomingStream {
  std::unique_ptr<providers::StreamRelay> relay;
  TranslatedStream* translated = nullptr;  ///< relay, if it is one
  SteadyTime first_token_by{};
  std::string held{};  ///< what came before the first token
  bool head_seen = false;
  bool finished = false;  ///< the wire stream ended

  /// What the client may see of a piece from the wire, whose empty one is its end.
  Result<std::string_view> feed(std::string_view piece);
  /// Whether the answer has begun with `out`, which is not held back any longer then.
  bool begins_with(std::string_view out) const;
};

Error no_token_in_time();

/// In a race, the stream wins whose first token is here first.
class TokenThere final : public Race::Start {
 public:
  explicit TokenThere(IncomingStream begun) : stream(std::move(begun)) {}
  Task<Result<void>> run(Attempt& attempt) override;

  IncomingStream stream;  ///< all that came is held back
};

}  // namespace headgate::dispatch
