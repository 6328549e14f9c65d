#include "auth/passwords.h"

#include <array>

#include <sodium.h>

namespace headgate::auth {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = 19U << 20U;

std::string argon2id(std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), kPasses, kMemory,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};
  }
  return text.data();
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  if (password.size() < kMinPassword || password.size() > kMaxPassword) {
    return fail(invalid_request("A password needs 8 to 1024 bytes.", "password"));
  }
  std::string hash = argon2id(password);
  if (hash.empty()) {
    return fail(internal_error("no memory for Argon2id"));
  }
  return hash;
}

bool verify_password(std::string_view password, const std::string& hash) {
  static const std::string kNobody = argon2id("nobody has this password");
  const std::string& against = hash.empty() ? kNobody : hash;
  const bool good =
      password.size() <= kMaxPassword &&
      crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
  return good && !hash.empty();
}

}  // namespace headgate::auth
