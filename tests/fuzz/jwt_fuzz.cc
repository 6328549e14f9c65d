// Access tokens: nothing that the signer did not sign is accepted.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  static const auth::JwtSigner kSigner(config::Secret("0123456789abcdef0123456789abcdef"), {},
                                       "headgate");
  static const std::string kToken = kSigner.sign({.subject = "ann",
                                                  .scope = "admin",
                                                  .jti = "1",
                                                  .epoch = 0,
                                                  .issued_at = 1'000'000,
                                                  .expires_at = 2'000'000});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (kSigner.verify(text, 1'500'000) && text != kToken) {
    std::abort();
  }
  // The same with our header and signature around a payload that is not ours.
  const std::size_t first = kToken.find('.');
  const std::size_t second = kToken.rfind('.');
  const std::string forged =
      kToken.substr(0, first + 1) + std::string(text) + kToken.substr(second);
  if (forged != kToken && kSigner.verify(forged, 1'500'000)) {
    std::abort();
  }
  return 0;
}
