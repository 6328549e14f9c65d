#include "auth/bootstrap.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "auth/passwords.h"
#include "testing/sqlite_identity.h"

namespace headgate::auth {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

class BootstrapTest : public ::testing::Test {
 protected:
  BootstrapTest() { settings_.data_dir = folder_.path(); }
  Result<FirstStart> start() { return create_first_admin(settings_, *stores_.users, 5000); }
  bool logs_in(const std::string& user, const std::string& password) {
    const auto found = stores_.users->find(user);
    return found && *found && verify_password(password, (*found)->password_hash);
  }

  testing::TempFolder folder_;
  testing::IdentityStores stores_ = testing::make_sqlite_identity();
  config::Settings settings_;
};

TEST_F(BootstrapTest, GeneratesAPasswordOnceAndWritesItForTheOwnerOnly) {
  const auto first = start();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->admin_created);
  EXPECT_EQ(first->generated_password.size(), 20U);
  EXPECT_EQ(read_file(first->password_file), first->generated_password + "\n");
  EXPECT_EQ(mode_of(first->password_file), 0600U);
  EXPECT_TRUE(logs_in("admin", first->generated_password));
  EXPECT_FALSE(logs_in("admin", "admin"));
  const auto admin = stores_.users->find("admin");
  EXPECT_TRUE((*admin)->scopes.contains(model::Scope::Admin));
  EXPECT_EQ((*admin)->epoch, 5000);

  const auto second = start();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->admin_created);
  EXPECT_TRUE(second->generated_password.empty());
  EXPECT_TRUE(logs_in("admin", first->generated_password));
}

TEST_F(BootstrapTest, BeginsAnewAfterACrashBetweenPasswordFileAndUser) {
  std::ofstream(folder_.file("admin-password")) << "of the start that crashed\n";
  std::ofstream(folder_.file("admin-password.new")) << "half writ";
  const auto first = start();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(read_file(first->password_file), first->generated_password + "\n");
  EXPECT_EQ(mode_of(first->password_file), 0600U);
}

TEST_F(BootstrapTest, TakesTheConfiguredPassword) {
  settings_.auth.admin_user = "chief";
  settings_.auth.admin_password = config::Secret("a long enough one");
  const auto first = start();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->generated_password.empty());
  EXPECT_TRUE(first->warning.empty());
  EXPECT_TRUE(logs_in("chief", "a long enough one"));
  EXPECT_EQ(mode_of(folder_.file("admin-password")), 0U);
}

TEST_F(BootstrapTest, AdminAdminIsForLoopbackOnly) {
  settings_.auth.admin_password = config::Secret("admin");
  for (const std::string listen :
       {"0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", ":8080", "127.evil.example:8080"}) {
    settings_.server.listen = {"127.0.0.1:8080", listen};
    const auto refused = start();
    ASSERT_FALSE(refused) << listen;
    EXPECT_EQ(refused.error().param, "auth.admin_password");
  }
  settings_.server.listen = {"127.0.0.1:8080"};
  settings_.server.admin_listen = "0.0.0.0:9090";
  EXPECT_FALSE(start());

  settings_.server.listen = {"127.0.0.1:8080", "[::1]:8080", "localhost:8081"};
  settings_.server.admin_listen = "";
  const auto local = start();
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_FALSE(local->warning.empty());
  EXPECT_TRUE(logs_in("admin", "admin"));

  settings_.auth.admin_password = config::Secret();
  settings_.server.listen = {"0.0.0.0:8080"};
  EXPECT_FALSE(start()) << "also when only the store still knows it";
  settings_.server.listen = {"127.0.0.1:8080"};
  const auto again = start();
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->warning.empty());
}

TEST_F(BootstrapTest, RefusesWellKnownPasswordsForOthersToReach) {
  settings_.server.listen = {"0.0.0.0:8080"};
  settings_.auth.admin_user = "administrator";
  for (const std::string password :
       {"password", "changeme", "12345678", "short", "administrator"}) {
    settings_.auth.admin_password = config::Secret(password);
    EXPECT_FALSE(start()) << password;
  }
  settings_.auth.admin_password = config::Secret("a long enough one");
  EXPECT_TRUE(start());
}

TEST_F(BootstrapTest, MakesOneSigningSecretAndKeepsIt) {
  const auto first = load_jwt_secret(settings_.auth, folder_.path());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_GE(first->reveal().size(), 32U);
  EXPECT_EQ(mode_of(folder_.file("jwt-secret")), 0600U);
  EXPECT_EQ(*load_jwt_secret(settings_.auth, folder_.path()), *first);
}

TEST_F(BootstrapTest, RefusesASigningSecretThatIsShortOrOpenToOthers) {
  ASSERT_TRUE(load_jwt_secret(settings_.auth, folder_.path()));
  ASSERT_EQ(::chmod(folder_.file("jwt-secret").c_str(), 0640), 0);
  EXPECT_FALSE(load_jwt_secret(settings_.auth, folder_.path()));
  ASSERT_EQ(::chmod(folder_.file("jwt-secret").c_str(), 0600), 0);
  std::ofstream(folder_.file("jwt-secret")) << "short";
  EXPECT_FALSE(load_jwt_secret(settings_.auth, folder_.path()));

  const config::Secret good("a secret that has more than thirty-two bytes");
  settings_.auth.jwt_secret = good;
  EXPECT_EQ(*load_jwt_secret(settings_.auth, folder_.path()), good);
  settings_.auth.jwt_old_secrets = {config::Secret("your-secret-key")};
  EXPECT_FALSE(load_jwt_secret(settings_.auth, folder_.path()));
  settings_.auth.jwt_old_secrets = {};
  settings_.auth.jwt_secret = config::Secret("your-secret-key");
  EXPECT_FALSE(load_jwt_secret(settings_.auth, folder_.path()));
}

}  // namespace
}  // namespace headgate::auth
