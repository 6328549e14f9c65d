#pragma once

#include <string>
#include <string_view>

namespace headgate::model {

/// The arguments of a tool call, as the model wrote them, for dialects that want a JSON object: as
/// they are if they are one, {} for none, and anything else as the member "raw_arguments" of one,
/// so that nothing is lost.
std::string arguments_object(std::string_view arguments);

}  // namespace headgate::model
