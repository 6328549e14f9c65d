#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dialects/dialect.h"
#include "model/embedding.h"

namespace headgate::dialects {

/// The body of POST /v1/embeddings, valid JSON, for targets that do not speak it. Inputs as token
/// numbers mean something to one vendor's models only and are refused.
Result<model::EmbeddingRequest> decode_openai_embedding(std::string_view body);
/// The answer with vectors as the client asked for them: numbers, or base64 of little-endian
/// floats.
std::string encode_openai_embedding(const model::EmbeddingAnswer& answer,
                                    model::EmbeddingRequest::Encoding encoding,
                                    const AnswerFrame& frame);

}  // namespace headgate::dialects
