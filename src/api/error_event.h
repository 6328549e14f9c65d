#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"

namespace headgate::api {

/// The error that an event of an answer's stream tells of, ours or a model server's; nothing if it
/// tells of none. What the caller must change has a kind that says so.
std::optional<Error> error_in(std::string_view data);

}  // namespace headgate::api
