#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headgate::auth {

/// A new API key: `hg_` + 12 characters that name it + `_` + 43 secret ones (256 random bits,
/// base62).
struct MintedKey {
  std::string id;    ///< the 12 characters; public
  std::string text;  ///< the whole key; shown once, never stored
};

MintedKey mint_api_key();

/// The public id in a text that has the form of a minted key; nullopt for any other text.
std::optional<std::string_view> api_key_id(std::string_view text);

/// Whether a key may be called so: 1 to 128 bytes of UTF-8 without control characters.
bool is_key_name(std::string_view name);

}  // namespace headgate::auth
