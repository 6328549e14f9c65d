#include "config/webhook_secret.h"

#include <utility>

#include "base/encoding.h"

namespace headgate::config {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kShortestKey = 24;  // bytes, as kLongestKey
constexpr std::size_t kLongestKey = 64;

}  // namespace

std::optional<Secret> webhook_key(const Secret& secret) {
  std::string_view text = secret.reveal();
  if (!text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(kPrefix.size());
  auto key = decode_base64(text);
  if (!key || key->size() < kShortestKey || key->size() > kLongestKey) {
    return std::nullopt;
  }
  return Secret(std::move(*key));
}

Secret webhook_secret(std::string_view key) { return Secret(std::string(kPrefix) + base64(key)); }

}  // namespace headgate::config
