#pragma once

#include <string_view>

#include "base/result.h"

namespace headgate::auth {

/// InvalidRequest unless `name` has 1 to 64 characters of letters, digits and . _ @ + -
Result<void> check_user_name(std::string_view name);

}  // namespace headgate::auth
