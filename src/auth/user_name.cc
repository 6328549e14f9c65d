#include "auth/user_name.h"

#include <algorithm>

namespace headgate::auth {

Result<void> check_user_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  const bool good = std::ranges::all_of(name, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') ||
           std::string_view("._@+-").find(c) != std::string_view::npos;
  });
  if (name.empty() || name.size() > kLongest || !good) {
    return fail(invalid_request(
        "A user's name has 1 to 64 characters of letters, digits and . _ @ + -", "name"));
  }
  return {};
}

}  // namespace headgate::auth
