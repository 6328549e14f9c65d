#pragma once

#include <memory>

#include "providers/provider.h"

namespace headgate::providers {

/// Whether the client sees the event that carries the usage.
enum class UsageEvent : std::uint8_t { Shown, Hidden };

/// Relay of an OpenAI chat or completion stream: whole events pass as they came. Malformed events
/// are dropped, usage is read and, if hidden, taken out; an error event fails the stream; the end
/// must be `data: [DONE]`, or at least come after a finish reason.
std::unique_ptr<StreamRelay> make_openai_stream(UsageEvent usage);

/// Relay of a stream of images, speech or a transcript: whole events pass as they came. Malformed
/// events are dropped and usage is read; an error event fails the stream; the end must come after
/// the event that says that the answer is whole, or after `data: [DONE]`.
std::unique_ptr<StreamRelay> make_openai_media_stream();

}  // namespace headgate::providers
