#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/embedding.h"

namespace headgate::providers {

/// The body of embedContent (one input) or batchEmbedContents (more) for `resource`, e.g.
/// "models/m".
std::string write_gemini_embedding(const model::EmbeddingRequest& request,
                                   std::string_view resource);

/// The answer of either. The vectors have length 1: the vendor does not see to that when it cuts
/// dimensions off.
Result<model::EmbeddingAnswer> read_gemini_embedding(std::string_view body);

}  // namespace headgate::providers
