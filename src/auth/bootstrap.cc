#include "auth/bootstrap.h"

#include <algorithm>
#include <utility>

#include "auth/passwords.h"
#include "base/ids.h"
#include "base/private_file.h"
#include "config/cidr.h"

namespace headgate::auth {
namespace {

constexpr std::size_t kMinSecret = 32;  // bytes: the digest's size, RFC 7518 3.2
constexpr std::size_t kSecretCharacters = 64;
constexpr std::size_t kPasswordCharacters = 20;

bool is_loopback(std::string_view listen) {
  std::string_view host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = config::IpAddress::parse(host);
  return host == "localhost" || (address && address->is_loopback());
}

/// Whether others than this machine can reach a listener.
bool is_reachable(const config::ServerSettings& server) {
  return !std::ranges::all_of(server.listen, is_loopback) ||
         (!server.admin_listen.empty() && !is_loopback(server.admin_listen));
}

/// Whether the admin user in the store still has a password that everyone tries first.
Result<bool> has_well_known_password(stores::UserStore& users, const std::string& name) {
  auto admin = users.find(name);
  if (!admin) {
    return fail(admin.error());
  }
  return *admin && !(*admin)->disabled_at &&
         (verify_password(name, (*admin)->password_hash) ||
          verify_password("admin", (*admin)->password_hash));
}

Error weak_password(const std::string& user) {
  return invalid_request(
      "The password of " + user +
          " is too weak for a gateway that others can reach. Use at least 8 bytes that are neither "
          "the user's name nor a well-known password (headgate users passwd " +
          user + ").",
      "auth.admin_password");
}

constexpr std::string_view kWeakWarning =
    "The admin password is well known. That is good for a demonstration on this machine only.";

/// The password of the new admin: the configured one, or a generated one that is written down.
Result<std::string> first_password(const config::Settings& settings, FirstStart& first) {
  if (!settings.auth.admin_password.empty()) {
    return settings.auth.admin_password.reveal();
  }
  first.generated_password = random_base62(kPasswordCharacters);
  first.password_file = settings.data_dir + "/admin-password";
  auto written = write_private_file(first.password_file, first.generated_password + "\n");
  if (!written) {
    return fail(written.error());
  }
  return first.generated_password;
}

}  // namespace

Result<config::Secret> load_jwt_secret(const config::AuthSettings& settings,
                                       const std::string& data_dir) {
  const auto too_short = [](const config::Secret& secret) {
    return secret.reveal().size() < kMinSecret;
  };
  if (std::ranges::any_of(settings.jwt_old_secrets, too_short) ||
      (!settings.jwt_secret.empty() && too_short(settings.jwt_secret))) {
    return fail(
        invalid_request("A secret that signs tokens needs at least 32 bytes.", "auth.jwt.secret"));
  }
  if (!settings.jwt_secret.empty()) {
    return settings.jwt_secret;
  }
  const std::string path = data_dir + "/jwt-secret";
  auto kept = read_private_file(path);
  if (!kept) {
    return fail(kept.error());
  }
  if (!*kept) {
    std::string secret = random_base62(kSecretCharacters);
    auto written = write_private_file(path, secret);
    if (!written) {
      return fail(written.error());
    }
    return config::Secret(std::move(secret));
  }
  if ((*kept)->size() < kMinSecret) {
    return fail(
        private_file_error(path, "needs at least 32 bytes; delete it to have a new one made"));
  }
  return config::Secret(std::move(**kept));
}

Result<FirstStart> create_first_admin(const config::Settings& settings, stores::UserStore& users,
                                      std::int64_t now_ms) {
  FirstStart first;
  const std::string& user = settings.auth.admin_user;
  const std::string& configured = settings.auth.admin_password.reveal();
  const bool reachable = is_reachable(settings.server);
  const bool weak = !configured.empty() && is_weak_password(configured, user);
  if (weak && reachable) {
    return fail(weak_password(user));
  }
  auto existing = users.list();
  if (!existing) {
    return fail(existing.error());
  }
  if (!existing->empty()) {
    auto known = has_well_known_password(users, user);
    if (!known) {
      return fail(known.error());
    }
    if (*known && reachable) {
      return fail(weak_password(user));
    }
    first.warning = *known ? kWeakWarning : std::string_view();
    return first;
  }
  first.admin_created = true;
  first.warning = weak ? kWeakWarning : std::string_view();
  auto password = first_password(settings, first);
  if (!password) {
    return fail(password.error());
  }
  auto hash = weak ? hash_weak_password(*password) : hash_password(*password);
  if (!hash) {
    return fail(hash.error());
  }
  stores::UserRecord admin;
  admin.name = user;
  admin.password_hash = std::move(*hash);
  admin.scopes.add(model::Scope::Admin);
  admin.tier = settings.tiers.contains("enterprise") ? "enterprise" : "default";
  admin.created_at = now_ms;
  admin.epoch = now_ms;
  auto added = users.add(admin);
  if (!added) {
    return fail(added.error());
  }
  return first;
}

}  // namespace headgate::auth
