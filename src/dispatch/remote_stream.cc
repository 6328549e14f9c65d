// The exchange and a coroutine that follows the job share what has come of it. The coroutine may
// outlive the exchange: it sees that it is alone, cancels the job and ends.
#include "dispatch/remote_stream.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "base/signal.h"
#include "dispatch/remote_job.h"
#include "upstream/failure.h"

namespace headgate::dispatch {
namespace {

using std::chrono::milliseconds;

/// Of one answer: RunPod cuts a job's output into parts of a megabyte.
constexpr std::size_t kMaxAnswer = 16U << 20U;
/// What is not read yet, before no more is asked for.
constexpr std::size_t kMaxUnread = 1U << 20U;
/// From one question for output to the next, however much comes.
constexpr milliseconds kLeastBetween{50};

struct Following {
  Following(upstream::Client& by, RemotePlace to, providers::WireRequest call, SteadyTime before)
      : client(by), place(std::move(to)), wire(std::move(call)), until(before) {}

  upstream::Client& client;
  const RemotePlace place;
  const providers::WireRequest wire;
  const SteadyTime until;

  Signal news{};         // for the reader
  Signal room{};         // for the coroutine: something was read, or the reader is gone
  CancelSource leave{};  // ends questions under way
  bool abandoned = false;

  bool taken = false;  // the provider has the job
  std::string unread{};
  bool ended = false;
  std::optional<Error> error{};
};

enum class Goes : std::uint8_t { On, Over, Broken };

void break_off(Following& work, Error error) {
  work.error = std::move(error);
  work.news.notify();
}

/// The job has ended and given out all: whether well, and if not, why.
Task<void> conclude(Following& work, const std::string& id) {
  const providers::WireRequest wire = work.place.jobs->encode_status(id, work.place.name);
  upstream::OutgoingRequest request = work.place.outgoing(wire, work.until);
  request.cancel = &work.leave;
  auto answer = co_await ask(work.client, request, kMaxAnswer);
  if (!answer) {
    break_off(work, std::move(answer.error()));
    co_return;
  }
  auto state = work.place.jobs->read_status(answer->body);
  if (!state) {
    break_off(work, std::move(state.error()));
    co_return;
  }
  if (state->delay_ms >= 0) {
    work.place.health->note_remote_wait(milliseconds(state->delay_ms));
  }
  if (state->failure && state->failure->code != "upstream_empty_result") {
    break_off(work, std::move(*state->failure));
    co_return;
  }
  work.ended = true;  // a job that streams need not keep its output
  work.news.notify();
}

/// Asks once for output.
Task<Goes> ask_on(Following& work, const std::string& id, int& failed, milliseconds& pause) {
  const SteadyTime asked_at = std::chrono::steady_clock::now();
  const providers::WireRequest wire = work.place.jobs->encode_stream(id, work.place.name);
  upstream::OutgoingRequest request =
      work.place.outgoing(wire, std::min(work.until, asked_at + kStreamHold));
  request.when_stale = upstream::WhenStale::Avoid;  // asked again, a part might be missing unseen
  request.cancel = &work.leave;
  auto answer = co_await ask(work.client, request, kMaxAnswer);
  if (work.abandoned) {
    co_return Goes::Broken;
  }
  if (!answer) {
    break_off(work, std::move(answer.error()));
    co_return Goes::Broken;
  }
  if (!answer->good()) {
    auto lost = work.place.jobs->lost(answer->status, answer->retry_after, answer->body);
    if (!lost && ++failed >= kFailedPolls) {
      lost = upstream_failed("The model server cannot be asked for its answer.",
                             "status " + std::to_string(answer->status));
    }
    if (lost) {
      break_off(work, std::move(*lost));
      co_return Goes::Broken;
    }
    co_return Goes::On;  // nothing was given out, so nothing is lost
  }
  auto output = work.place.jobs->read_stream(answer->body);
  if (!output) {
    break_off(work, std::move(output.error()));
    co_return Goes::Broken;
  }
  failed = 0;
  if (!output->bytes.empty()) {
    work.unread.append(output->bytes);
    work.news.notify();
    pause = milliseconds(0);
    co_return Goes::On;
  }
  if (output->ended) {
    co_return Goes::Over;
  }
  const bool held = std::chrono::steady_clock::now() - asked_at >= kFirstPoll;
  pause = held ? milliseconds(0) : std::clamp(pause * 2, kFirstPoll, kLongestPoll);
  co_return Goes::On;
}

Task<void> follow_output(Following& work, const std::string& id) {
  int failed = 0;
  milliseconds pause{0};
  Goes goes = Goes::On;
  while (goes == Goes::On) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= work.until) {
      break_off(work, upstream::failure(upstream::FailurePhase::TotalTimeout,
                                        work.place.origin.host_and_port()));
      co_return;
    }
    goes = co_await ask_on(work, id, failed, pause);
    const milliseconds wait = failed != 0 ? kFirstPoll * failed : pause;
    const SteadyTime next = std::max(now + kLeastBetween, std::chrono::steady_clock::now() + wait);
    while (goes == Goes::On && !work.abandoned && std::chrono::steady_clock::now() < next) {
      co_await work.room.wait_until(next);  // a reader that takes something wakes it too
    }
    bool in_time = true;
    while (in_time && work.unread.size() > kMaxUnread && !work.abandoned) {
      in_time = co_await work.room.wait_until(work.until);
    }
    if (work.abandoned) {
      co_return;
    }
  }
  if (goes == Goes::Over) {
    co_await conclude(work, id);
  }
}

// Shared: whoever is last, the reader or the job, sees the other gone.
Task<void> follow(std::shared_ptr<Following> work) {
  HandedOver taken = co_await hand_over(work->client, work->place, work->wire, work->until);
  if (!taken.id) {
    break_off(*work, std::move(taken.id.error()));
    co_return;
  }
  work->taken = true;
  work->news.notify();
  const std::string id = std::move(*taken.id);
  if (!work->abandoned) {
    co_await follow_output(*work, id);
  }
  if (work->abandoned || work->error) {
    co_await cancel_remotely(work->client, work->place, id);
  }
}

class RemoteStream final : public upstream::Exchange {
 public:
  RemoteStream(std::shared_ptr<Following> work, CancelSource& cancel)
      : work_(std::move(work)), cancel_(cancel) {
    head_.status = 200;
    head_.body = upstream::ResponseHead::Body::UntilClose;
    head_.fields[0] = {.name = "content-type", .value = "text/event-stream"};
    head_.field_count = 1;
  }
  RemoteStream(const RemoteStream&) = delete;
  RemoteStream& operator=(const RemoteStream&) = delete;
  ~RemoteStream() override {
    work_->abandoned = !work_->ended;
    work_->leave.cancel();
    work_->room.notify();
  }

  Task<Result<bool>> await_head(SteadyTime patience) override {
    if (!std::exchange(begun_, true)) {
      EventLoop::current()->spawn(follow(work_));
    }
    while (!work_->taken && !work_->error) {
      auto heard = co_await wait(patience);
      if (!heard || !*heard) {
        co_return heard;
      }
    }
    if (!work_->taken) {
      co_return fail(*work_->error);
    }
    co_return true;
  }

  const upstream::ResponseHead& head() const override { return head_; }

  Task<Result<std::optional<std::string_view>>> read(SteadyTime patience) override {
    while (true) {
      auto piece = take();
      if (!piece || *piece) {
        co_return piece;
      }
      auto heard = co_await wait(patience);
      if (!heard) {
        co_return fail(heard.error());
      }
      if (!*heard) {
        co_return std::optional<std::string_view>();
      }
    }
  }

  Result<std::optional<std::string_view>> take() override {
    piece_.clear();
    if (!work_->unread.empty()) {
      std::swap(piece_, work_->unread);
      work_->room.notify();
      return std::optional<std::string_view>(piece_);
    }
    if (work_->error) {
      return fail(*work_->error);
    }
    return work_->ended ? std::optional<std::string_view>("") : std::nullopt;
  }

 private:
  /// False if there was no news until `patience`.
  Task<Result<bool>> wait(SteadyTime patience) {
    const OnCancel gone(cancel_, [this] { work_->news.notify(); });
    const bool heard = !cancel_.cancelled() && co_await work_->news.wait_until(patience);
    if (cancel_.cancelled()) {
      co_return fail(client_left());
    }
    co_return heard;
  }

  std::shared_ptr<Following> work_;  // shared with the coroutine that follows the job
  CancelSource& cancel_;
  upstream::ResponseHead head_;
  std::string piece_;  // what read() has returned last
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<upstream::Exchange> start_remote_stream(upstream::Client& client, RemotePlace place,
                                                        providers::WireRequest wire,
                                                        SteadyTime until, CancelSource& cancel) {
  return std::make_unique<RemoteStream>(
      std::make_shared<Following>(client, std::move(place), std::move(wire), until), cancel);
}

}  // namespace headgate::dispatch
