#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "documents/schema.h"

namespace headgate::documents {

/// Where on a page a piece of evidence counts fully; elsewhere it counts a quarter.
enum class Place : std::uint8_t { Anywhere, Heading, Edges };

/// A phrase that speaks for a type (or, with Other, for none of ours).
struct Rule {
  DocumentType type;
  float weight;
  Place place;
  std::string_view phrases;  ///< alternatives; several in one document count once
  std::string_view name;     ///< how the reasoning names it
};

/// All rules of the classifier.
std::span<const Rule> classification_rules();

}  // namespace headgate::documents
