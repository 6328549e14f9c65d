// The test program is its own worker: the pool starts it as `<program> worker`.

#include <cstring>

#include <gtest/gtest.h>

#include "documents/worker_main.h"

int main(int count, char** arguments) {
  constexpr int kWorkerSocket = 3;
  if (count > 1 && std::strcmp(arguments[1], "worker") == 0) {
    return headgate::documents::run_worker(kWorkerSocket);
  }
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
