#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/field_reader.h"

namespace headgate::dialects {

/// The client's side of POST /v1/chat/completions, for targets that do not speak it. Advice to the
/// vendor is left out (`store`, `metadata`, `service_tier`, `prediction`, `prompt_cache_*`,
/// `safety_identifier`), unknown members are refused, `top_k` is taken as compatible servers do.
/// Ids of answers are those of the request. Gemini's signatures stand in
/// `tool_calls[].extra_content.google.thought_signature`.
std::unique_ptr<Dialect> make_openai_chat_dialect();

// The dialect's parts.
Result<model::ChatRequest> decode_openai_chat(std::string_view body);
std::string encode_openai_chat(const model::ChatAnswer& answer, const AnswerFrame& frame);
std::unique_ptr<AnswerWriter> make_openai_chat_writer(const AnswerFrame& frame);

/// The member `messages`.
std::vector<model::Message> decode_openai_messages(FieldReader& fields, const JsonView& messages);

}  // namespace headgate::dialects
