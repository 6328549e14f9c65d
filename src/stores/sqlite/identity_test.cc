#include "testing/key_store_contract.h"
#include "testing/sqlite_identity.h"
#include "testing/token_store_contract.h"
#include "testing/user_store_contract.h"

namespace headgate::testing {
namespace {

const MakeIdentityStores kMake{.engine = "sqlite", .make = make_sqlite_identity};

INSTANTIATE_TEST_SUITE_P(Sqlite, KeyStoreContract, ::testing::Values(kMake));
INSTANTIATE_TEST_SUITE_P(Sqlite, UserStoreContract, ::testing::Values(kMake));
INSTANTIATE_TEST_SUITE_P(Sqlite, TokenStoreContract, ::testing::Values(kMake));

}  // namespace
}  // namespace headgate::testing
