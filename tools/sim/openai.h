#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/json.h"
#include "sim/saying.h"
#include "sim/wire.h"

// What the endpoints of OpenAI's API have in common. Included by .cc files only.

namespace headgate::sim {

/// The texts of `message.content`: a string, or the `text` members of its parts.
std::string content_text(const json::object& message);

/// A string, or the strings of a list.
std::vector<std::string> texts_of(const json::value* value);

std::vector<std::string> openai_call_ids(const json::object& assistant_message);

/// Reads `tools` and `tool_choice` of chat (nested) and of responses (flat).
std::optional<Failure> read_openai_tools(Demand& demand, const json::object& body);

}  // namespace headgate::sim
