#pragma once

#include <memory>
#include <string_view>

#include "base/json_view.h"
#include "base/result.h"
#include "model/chat.h"
#include "model/chat_answer.h"
#include "model/embedding.h"
#include "model/inference_request.h"
#include "providers/provider.h"

namespace headgate::providers {

/// POST {base}/chat/completions for a neutral chat. Not sent, because chat completions has no place
/// for it: earlier reasoning and Gemini's signatures. Images and files in a tool's result follow it
/// as a message of the user.
Result<WireRequest> encode_openai_chat(const model::ChatRequest& request, model::Delivery delivery,
                                       const TargetName& target);
/// A chat.completion, or what an error in its place means.
Result<model::ChatAnswer> decode_openai_chat(std::string_view body);
/// Reader of a stream of chat.completion.chunk events. It is complete after [DONE], or when each of
/// its choices has a finish reason.
std::unique_ptr<ChatReader> make_openai_chat_reader();

/// POST {base}/embeddings.
Result<WireRequest> encode_openai_embedding(const model::EmbeddingRequest& request,
                                            const TargetName& target);
/// Vectors as numbers or as base64 of little-endian floats.
Result<model::EmbeddingAnswer> decode_openai_embedding(std::string_view body);

/// Tokens by a `usage` member.
Usage read_openai_usage(const JsonView& usage);
/// Why a choice ended, by its `finish_reason` and vLLM's `stop_reason`; nullopt if the server gave
/// it up.
enum class CallsSeen : std::uint8_t { No, Yes };
std::optional<model::Finish> read_openai_finish(const JsonView& choice, CallsSeen calls);

}  // namespace headgate::providers
