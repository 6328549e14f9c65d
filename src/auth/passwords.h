#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate::auth {

inline constexpr std::size_t kMinPassword = 8;
inline constexpr std::size_t kMaxPassword = 1024;

/// Whether a password is too short, the user's own name or one that everyone tries first.
bool is_weak_password(std::string_view password, std::string_view user);

/// Argon2id (libsodium, 19 MiB, two passes: OWASP's minimum) in its text form. Takes tens of
/// milliseconds: on the password pool only. InvalidRequest for a length outside the bounds.
Result<std::string> hash_password(std::string_view password);

/// As hash_password, for any password of 1 to 1024 bytes: the demonstration on loopback only.
Result<std::string> hash_weak_password(std::string_view password);

/// Whether `password` is the one behind `hash`. Takes as long for an empty hash (an unknown user),
/// which nothing matches.
bool verify_password(std::string_view password, const std::string& hash);

}  // namespace headgate::auth
