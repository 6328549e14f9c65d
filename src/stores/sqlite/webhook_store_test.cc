#include "stores/sqlite/webhook_store.h"

#include "testing/sqlite_webhooks.h"
#include "testing/webhook_store_contract.h"

namespace headgate::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, WebhookStoreContract,
                         ::testing::Values(MakeWebhookStore{.engine = "sqlite",
                                                            .make = make_sqlite_webhooks}));

}  // namespace
}  // namespace headgate::testing
