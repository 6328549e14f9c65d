#include "queue/retention.h"

#include <utility>

#include "base/clock.h"

namespace headgate::queue {
namespace {

/// Jobs in one change: some milliseconds of the writer's time.
constexpr std::size_t kJobs = 64;
/// Changes without a pause. Each waits for its commit, which other changes share.
constexpr int kChanges = 4;
constexpr std::chrono::milliseconds kPause{10};
/// When all is forgotten that can be.
constexpr std::chrono::seconds kBetweenPasses{5};
/// Models that are looked at in one go.
constexpr std::size_t kModels = 64;

}  // namespace

Task<SteadyTime> Retention::step() {
  for (int i = 0; i < kChanges; ++i) {
    auto more = co_await change();
    if (!more || !*more) {
      begin_pass();  // also after a failure, which the store tells of wherever it matters
      co_return clock_.steady() + kBetweenPasses;
    }
  }
  co_return clock_.steady() + kPause;
}

void Retention::begin_pass() {
  keys_done_ = looked_at_all_ = false;
  looked_to_.clear();
  due_.clear();
}

Task<Result<bool>> Retention::change() {
  if (!keys_done_) {
    auto freed = co_await jobs_.forget_keys(unix_ms(clock_), kJobs);
    if (!freed) {
      co_return fail(freed.error());
    }
    keys_done_ = !freed->more;
    co_return true;
  }
  if (due_.empty()) {
    co_return co_await look_for_models();
  }
  const std::int64_t before = unix_ms(clock_) - retention_of_(due_.back()).count();
  auto forgotten = co_await jobs_.forget(due_.back(), before, kJobs);
  if (!forgotten) {
    co_return fail(forgotten.error());
  }
  if (!forgotten->more) {
    due_.pop_back();
  }
  co_return !pass_is_over();
}

Task<Result<bool>> Retention::look_for_models() {
  auto models = co_await jobs_.ended(looked_to_, kModels);
  if (!models) {
    co_return fail(models.error());
  }
  const std::int64_t now = unix_ms(clock_);
  for (stores::EndedJobs& ended : *models) {
    looked_to_ = ended.model;
    if (ended.oldest < now - retention_of_(ended.model).count()) {
      due_.push_back(std::move(ended.model));
    }
  }
  looked_at_all_ = models->size() < kModels;
  co_return !pass_is_over();
}

}  // namespace headgate::queue
