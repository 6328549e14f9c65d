#pragma once

#include <string_view>

#include "base/result.h"
#include "model/inference_request.h"

namespace headgate::providers {

/// Whether `body` is an answer of this kind by a server that speaks OpenAI's dialect, before it is
/// passed on unread: UpstreamFailed if it is none, or what an error in its place means. Of kinds
/// other than chats, completions and embeddings any JSON is one.
Result<void> check_openai_answer(model::Kind kind, std::string_view body);
/// The same of a message of Anthropic's.
Result<void> check_anthropic_message(std::string_view body);

}  // namespace headgate::providers
