#pragma once

#include <optional>
#include <string_view>

namespace headgate::api {

/// A static file that is part of the binary.
struct Asset {
  std::string_view bytes;
  std::string_view gzip;  ///< the same compressed, or empty
  std::string_view content_type;
  std::string_view version;  ///< changes with the bytes; characters that fit an address and an ETag
};

/// Looks a file up by name; nothing if there is none. Pure.
using AssetFinder = std::optional<Asset> (*)(std::string_view name);

/// The files of the viewers of /docs and /redoc. Defined in what web/docs/bundle.py writes, so its
/// callers link headgate_web_docs.
std::optional<Asset> find_embedded_asset(std::string_view name);

}  // namespace headgate::api
