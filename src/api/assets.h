#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace headgate::api {

/// A static file that is part of the binary.
struct Asset {
  enum class Coding : std::uint8_t { Identity, Gzip };
  std::string_view bytes;  ///< as stored, in `coding`
  std::string_view content_type;
  std::string_view etag;  ///< with its quotes; empty: none
  Coding coding = Coding::Identity;
};

/// Looks a file up by name; nothing if there is none. Pure.
using AssetFinder = std::optional<Asset> (*)(std::string_view name);

}  // namespace headgate::api
