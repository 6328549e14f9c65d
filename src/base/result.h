#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace headgate {

/// A value or an expected failure.
template <class T>
using Result = std::expected<T, Error>;

/// Propagates a failure: `if (!reply) co_return fail(reply.error());`
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace headgate
