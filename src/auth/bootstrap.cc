#include "auth/bootstrap.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/passwords.h"
#include "base/ids.h"

namespace headgate::auth {
namespace {

constexpr std::size_t kSecretCharacters = 64;
constexpr std::size_t kPasswordCharacters = 20;

Error file_error(const std::string& path, const std::string& why) {
  return invalid_request(path + ": " + why, "data_dir");
}

/// Writes a new file that only we can read; fails if it exists.
Result<void> write_private(const std::string& path, const std::string& text) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(file_error(path, std::strerror(errno)));
  }
  const bool written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  ::close(descriptor);
  return written ? Result<void>() : fail(file_error(path, "cannot write"));
}

bool is_loopback(const std::string& listen) {
  return listen.starts_with("127.") || listen.starts_with("localhost:") ||
         listen.starts_with("[::1]:");
}

bool is_weak(const std::string& password, const std::string& user) {
  constexpr std::array<std::string_view, 6> kKnown = {"admin",    "password", "changeme",
                                                      "headgate", "secret",   "12345678"};
  return password.size() < kMinPassword || password == user ||
         std::ranges::find(kKnown, std::string_view(password)) != kKnown.end();
}

}  // namespace

Result<config::Secret> load_jwt_secret(const config::AuthSettings& settings,
                                       const std::string& data_dir) {
  if (!settings.jwt_secret.empty()) {
    return settings.jwt_secret;
  }
  const std::string path = data_dir + "/jwt-secret";
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    std::string secret = random_base62(kSecretCharacters);
    auto written = write_private(path, secret);
    if (!written) {
      return fail(written.error());
    }
    return config::Secret(std::move(secret));
  }
  if ((status.st_mode & 077U) != 0) {
    return fail(file_error(path, "others can read it; make it mode 0600"));
  }
  std::ifstream file(path);
  std::string secret((std::istreambuf_iterator<char>(file)), {});
  if (secret.size() < 32) {
    return fail(file_error(path, "needs at least 32 bytes; delete it to have a new one made"));
  }
  return config::Secret(std::move(secret));
}

Result<FirstStart> create_first_admin(const config::Settings& settings, stores::UserStore& users,
                                      std::int64_t now_ms) {
  auto existing = users.list();
  if (!existing) {
    return fail(existing.error());
  }
  if (!existing->empty()) {
    return FirstStart{};
  }
  FirstStart first{.admin_created = true, .generated_password = {}, .password_file = {}};
  const std::string& user = settings.auth.admin_user;
  std::string password = settings.auth.admin_password.reveal();
  const bool local = std::ranges::all_of(settings.server.listen, is_loopback);
  if (password.empty()) {
    password = random_base62(kPasswordCharacters);
    first.generated_password = password;
    first.password_file = settings.data_dir + "/admin-password";
    ::unlink(first.password_file.c_str());
    auto written = write_private(first.password_file, password + "\n");
    if (!written) {
      return fail(written.error());
    }
  } else if (is_weak(password, user) && !local) {
    return fail(invalid_request(
        "auth.admin_password is too weak for a gateway that others can reach; use at least 8 bytes "
        "that are neither the user's name nor a well-known password",
        "auth.admin_password"));
  }
  auto hash = hash_password(password);
  if (!hash) {
    return fail(hash.error());
  }
  stores::UserRecord admin;
  admin.name = user;
  admin.password_hash = std::move(*hash);
  admin.scopes.add(model::Scope::Admin);
  admin.tier = settings.tiers.contains("enterprise") ? "enterprise" : "default";
  admin.created_at = now_ms;
  auto added = users.add(admin);
  if (!added) {
    return fail(added.error());
  }
  return first;
}

}  // namespace headgate::auth
