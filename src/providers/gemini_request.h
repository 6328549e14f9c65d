#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/chat.h"

namespace headgate::providers {

/// `request` as the members of a GenerateContentRequest for `model`, braces not included.
/// InvalidRequest names what generateContent cannot express.
Result<std::string> write_gemini_chat(const model::ChatRequest& request, std::string_view model);

}  // namespace headgate::providers
