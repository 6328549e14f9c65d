#include "testing/sqlite_usage.h"
#include "testing/usage_store_contract.h"

namespace headgate::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, UsageStoreContract,
                         ::testing::Values(MakeUsageStore{.engine = "sqlite",
                                                          .make = make_sqlite_usage}));

}  // namespace
}  // namespace headgate::testing
