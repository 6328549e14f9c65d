#pragma once

#include <span>
#include <string>
#include <string_view>

namespace headgate::config {

/// How many characters must be inserted, deleted, replaced or swapped with their neighbour to turn
/// `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate closest to `name`, the first of equals; empty if there are no candidates.
std::string nearest(std::string_view name, std::span<const std::string> candidates);

}  // namespace headgate::config
