#include "auth/api_key.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/http_text.h"
#include "base/ids.h"

namespace headgate::auth {
namespace {

constexpr std::string_view kPrefix = "hg_";
constexpr std::size_t kIdLength = 12;
constexpr std::size_t kSecretLength = 43;

bool is_base62(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

}  // namespace

MintedKey mint_api_key() {
  MintedKey key{.id = random_base62(kIdLength), .text = std::string(kPrefix)};
  key.text.append(key.id).append("_").append(random_base62(kSecretLength));
  return key;
}

std::optional<std::string_view> api_key_id(std::string_view text) {
  if (text.size() != kPrefix.size() + kIdLength + 1 + kSecretLength || !text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  const std::string_view id = text.substr(kPrefix.size(), kIdLength);
  const std::string_view secret = text.substr(kPrefix.size() + kIdLength + 1);
  if (text[kPrefix.size() + kIdLength] != '_' || !is_base62(id) || !is_base62(secret)) {
    return std::nullopt;
  }
  return id;
}

bool is_key_name(std::string_view name) {
  constexpr std::size_t kMaxName = 128;
  const bool printable = is_field_value(name) && name.find('\t') == std::string_view::npos;
  return !name.empty() && name.size() <= kMaxName && printable && is_utf8(name);
}

}  // namespace headgate::auth
