#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "base/result.h"
#include "stores/webhook_store.h"

namespace headgate::testing {

/// The store of one engine over a fresh, empty database, and what its JobStore does for it.
struct WebhookStoreUnderTest {
  std::shared_ptr<void> engine;  // shared: the store borrows from it, so it is declared first
  std::unique_ptr<stores::WebhookStore> store;
  std::function<Result<void>(const stores::WebhookDelivery&)> add;
  std::function<Result<void>(const std::string& job_id)> forget;
};

/// One engine to test.
struct MakeWebhookStore {
  const char* engine;
  WebhookStoreUnderTest (*make)();
  friend void PrintTo(const MakeWebhookStore& self, std::ostream* out) { *out << self.engine; }
};

inline stores::WebhookDelivery some_delivery(const std::string& id, std::int64_t next_at,
                                             const std::string& host = "hooks.example") {
  stores::WebhookDelivery delivery;
  delivery.id = id;
  delivery.job_id = "job of " + id;
  delivery.url = "https://" + host + "/ended?id=" + id;
  delivery.body = "{\"id\":\"" + id + "\"}";
  delivery.next_at = next_at;
  delivery.created_at = 500;
  return delivery;
}

}  // namespace headgate::testing
