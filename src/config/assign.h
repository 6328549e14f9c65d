#pragma once

#include <optional>
#include <string>

#include "config/node.h"
#include "config/options.h"

namespace headgate::config {

/// Puts what was written into an option's slot, or says what is wrong with it. A secret, and
/// anything that came from ${NAME}, is never part of the message.
std::optional<std::string> assign(const Option& option, const Slot& slot, const Node& node);

enum class Masking : std::uint8_t { Masked, Revealed };

/// The value in `slot` as it would be written; `assign` reads it back unless it is masked.
Node written(const Option& option, const Slot& slot, Masking masking);

/// Type, bounds and allowed values in words, e.g. "size, 1KiB to 1MiB".
std::string describe_type(const Option& option);

}  // namespace headgate::config
