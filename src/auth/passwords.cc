#include "auth/passwords.h"

#include <algorithm>
#include <array>

#include <sodium.h>

namespace headgate::auth {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = 19U << 20U;

std::string argon2id(std::string_view password) {
  static const int kReady = sodium_init();  // picks the processor's fastest Argon2
  if (kReady < 0) {
    return {};
  }
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), kPasses, kMemory,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};
  }
  return text.data();
}

Result<std::string> hash_any(std::string_view password) {
  std::string hash = argon2id(password);
  if (hash.empty()) {
    return fail(internal_error("no memory for Argon2id"));
  }
  return hash;
}

}  // namespace

bool is_weak_password(std::string_view password, std::string_view user) {
  constexpr std::array<std::string_view, 4> kKnown = {"password", "changeme", "headgate",
                                                      "12345678"};
  return password.size() < kMinPassword || password == user ||
         std::ranges::find(kKnown, password) != kKnown.end();
}

Result<std::string> hash_password(std::string_view password) {
  if (password.size() < kMinPassword || password.size() > kMaxPassword) {
    return fail(invalid_request("A password needs 8 to 1024 bytes.", "password"));
  }
  return hash_any(password);
}

Result<std::string> hash_weak_password(std::string_view password) {
  if (password.empty() || password.size() > kMaxPassword) {
    return fail(invalid_request("A password needs 1 to 1024 bytes.", "password"));
  }
  return hash_any(password);
}

bool verify_password(std::string_view password, const std::string& hash) {
  // Made also for known users, so that the first login of all is no slower for unknown ones.
  static const std::string kNobody = argon2id("nobody has this password");
  const std::string& against = hash.empty() ? kNobody : hash;
  const bool good =
      password.size() <= kMaxPassword &&
      crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
  return good && !hash.empty();
}

}  // namespace headgate::auth
