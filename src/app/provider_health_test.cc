#include "app/provider_health.h"

#include <gtest/gtest.h>

namespace headgate::app {
namespace {

using Status = api::EndpointHealth::Status;

TEST(WorkersHealth, IsGoodFromTheStartAndBadOnlyWhenNoneComesUp) {
  EXPECT_EQ(workers_health({.starting = 2}).status, Status::Idle)
      << "pages wait for the workers that are starting";
  EXPECT_EQ(workers_health({.ready = 2}).status, Status::Idle);
  EXPECT_EQ(workers_health({.busy = 1, .ready = 2}).status, Status::Healthy);
  const api::EndpointHealth none = workers_health({});
  EXPECT_EQ(none.status, Status::Unhealthy);
  EXPECT_FALSE(none.error.empty());
}

}  // namespace
}  // namespace headgate::app
