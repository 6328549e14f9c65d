#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/chat.h"

namespace headgate::providers {

/// Appends the member `systemInstruction` if there are system messages.
Result<void> write_gemini_system(const model::ChatRequest& request, std::string& out);

/// The elements of `contents`: all messages but those of the system, at least one.
Result<std::string> write_gemini_contents(const model::ChatRequest& request);

/// "list[index]", as errors name a part of the client's request.
inline std::string place(std::string_view list, std::size_t index) {
  return std::string(list).append("[").append(std::to_string(index)).append("]");
}

}  // namespace headgate::providers
