#include "dispatch/race.h"

#include <chrono>
#include <optional>
#include <utility>

#include "base/event_loop.h"

namespace headgate::dispatch {

struct Race::Racer {
  Attempts::Call call;
  std::unique_ptr<Start> start;
  Signal* ended = nullptr;  // the race's; null once that does not care any more
  std::optional<Result<void>> result{};
};

Race::Race(Attempts& attempts, std::unique_ptr<Start> start, Attempts::Call beside,
           std::unique_ptr<Start> start_beside)
    : attempts_(attempts),
      racers_{std::make_shared<Racer>(attempts.release(), std::move(start), &ended_),
              std::make_shared<Racer>(std::move(beside), std::move(start_beside), &ended_)} {
  for (const auto& racer : racers_) {
    racer->call.attempt->count_wait_in(nullptr);
    EventLoop::current()->spawn(run(racer));
  }
}

Race::~Race() {
  for (auto& racer : racers_) {
    break_off(std::move(racer));
  }
}

void Race::break_off(std::shared_ptr<Racer> racer) {
  if (racer) {
    racer->ended = nullptr;
    racer->call.attempt->break_off();
  }
}

Task<void> Race::run(std::shared_ptr<Racer> racer) {
  auto result = co_await racer->start->run(*racer->call.attempt);
  racer->result.emplace(std::move(result));
  if (racer->ended != nullptr) {
    racer->ended->notify();
  }
}

Task<Result<bool>> Race::decide(SteadyTime patience) {
  const SteadyTime since = std::chrono::steady_clock::now();
  auto decided = judge();
  while (!decided && co_await ended_.wait_until(patience)) {
    decided = judge();
  }
  model::RequestContext& context = attempts_.context();
  context.upstream_wait += std::chrono::steady_clock::now() - since;
  context.upstream_time = context.upstream_wait;
  co_return decided.value_or(false);
}

std::optional<Result<bool>> Race::judge() {
  for (std::size_t i = 0; i < racers_.size(); ++i) {
    if (!racers_[i] || !racers_[i]->result) {
      continue;
    }
    const std::shared_ptr<Racer> ended = std::move(racers_[i]);
    std::shared_ptr<Racer>& other = racers_[1 - i];
    if (*ended->result) {
      attempts_.resume(std::move(ended->call));
      winner_ = std::move(ended->start);
      if (i == 1) {
        attempts_.beside_won();
      }
      if (other) {
        attempts_.outran(other->call);
        break_off(std::move(other));
      }
      return true;
    }
    const Error& error = ended->result->error();
    if (!other) {
      attempts_.resume(std::move(ended->call));
      return fail(error);
    }
    attempts_.failed_beside(std::move(ended->call), error);
  }
  return std::nullopt;
}

}  // namespace headgate::dispatch
