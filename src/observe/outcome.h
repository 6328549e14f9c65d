#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace headgate::observe {

/// How one request ended, as the edge saw it; the rest stands in its RequestContext.
struct Outcome {
  std::string_view method;  ///< as sent; labels use a closed list
  std::string_view path;    ///< without the query
  int status = 0;           ///< 499: the client left first
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  SteadyTime ended{};
};

}  // namespace headgate::observe
