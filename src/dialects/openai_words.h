#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json_writer.h"
#include "model/chat_answer.h"
#include "model/token_usage.h"

// What the members of OpenAI's dialects have in common; for the .cc files of the dialects.
namespace headgate::dialects {

/// `extra_content` of a tool call; nothing for an empty signature.
void write_signature(JsonWriter& json, std::string_view signature);
/// The member `finish_reason`.
void write_finish_reason(JsonWriter& json, model::Finish finish);
/// The member `usage` of a chat; null if it is not known.
void write_chat_usage(JsonWriter& json, const model::Usage& usage);

/// The id of a chat: the vendor's if it looks like one, so that an answer which another target goes
/// on with keeps its id; else from that of the request.
std::string chat_id(std::string_view vendor_id, std::string_view request_id);

/// Takes what `later` tells; what it does not tell stays.
inline void update(model::Usage& usage, const model::Usage& later) {
  const auto take = [](std::int64_t& tokens, std::int64_t told) {
    tokens = told < 0 ? tokens : told;
  };
  take(usage.input_tokens, later.input_tokens);
  take(usage.output_tokens, later.output_tokens);
  take(usage.cached_tokens, later.cached_tokens);
  take(usage.cache_write_tokens, later.cache_write_tokens);
  take(usage.reasoning_tokens, later.reasoning_tokens);
}

inline bool is_known(const model::Usage& usage) {
  return usage.input_tokens >= 0 || usage.output_tokens >= 0;
}
inline std::int64_t told(std::int64_t tokens) { return std::max<std::int64_t>(tokens, 0); }

}  // namespace headgate::dialects
