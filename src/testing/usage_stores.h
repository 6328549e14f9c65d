#pragma once

#include <memory>
#include <ostream>

#include "stores/usage_store.h"

namespace headgate::testing {

/// The store of one engine over one database, and what keeps that alive.
struct UsageStoreUnderTest {
  std::shared_ptr<void> engine;  // shared: the store borrows from it, so it is declared first
  std::unique_ptr<stores::UsageStore> store;
};

/// One engine to test. Each call with the same folder opens the same database again.
struct MakeUsageStore {
  const char* engine;
  UsageStoreUnderTest (*make)(const std::string& folder);
  friend void PrintTo(const MakeUsageStore& self, std::ostream* out) { *out << self.engine; }
};

inline stores::UsageRecord some_usage(UtcDay day, const std::string& principal,
                                      const std::string& model, std::int64_t micro_usd) {
  return {.day = day,
          .principal = principal,
          .model = model,
          .requests = 1,
          .input_tokens = 10,
          .output_tokens = 20,
          .micro_usd = micro_usd};
}

}  // namespace headgate::testing
