#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::config {

/// `300ms`, `30s`, `5m`, `24h`, `15d`, or a plain `0`. nullopt for anything else, a missing unit
/// included, and for more than about 100 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The same in the largest unit that is exact.
std::string format_duration(std::chrono::milliseconds duration);

/// `8KiB`, `10MiB`, `2GiB`, or a plain number of bytes (`B` allowed). nullopt for anything else.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// The same in the largest unit that is exact.
std::string format_size(std::uint64_t bytes);

}  // namespace headgate::config
