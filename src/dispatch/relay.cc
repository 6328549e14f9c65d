#include "dispatch/relay.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/recycler.h"

namespace headgate::dispatch {
namespace {

constexpr std::string_view kPing = ": ping\n\n";
/// Usage stands at the end of a whole answer.
constexpr std::size_t kTail = 2 << 10;

class WholeBody final : public edge::BodyStream, public Recycled {
 public:
  explicit WholeBody(std::unique_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {
    const auto& head = attempt_->head();
    if (head.body == upstream::ResponseHead::Body::Length) {
      length_ = head.length;
    }
  }

  Task<Result<std::string_view>> next() override {
    auto piece = co_await attempt_->read(SteadyTime::max());
    if (!piece) {
      co_return fail(piece.error());
    }
    co_return seen(**piece);
  }

  std::optional<Result<std::string_view>> at_hand() override {
    auto piece = attempt_->take();
    if (!piece) {
      return fail(piece.error());
    }
    if (!*piece) {
      return std::nullopt;
    }
    return seen(**piece);
  }

 private:
  std::string_view seen(std::string_view bytes) {
    if (settled_) {
      return bytes;  // nothing comes after the length that was announced
    }
    seen_ += bytes.size();
    if (seen_ == length_ && bytes.size() >= std::min<std::uint64_t>(length_, kTail)) {
      settle(bytes.substr(bytes.size() - std::min(bytes.size(), kTail)));
    } else {
      keep_tail(bytes);
      if (bytes.empty() || seen_ == length_) {
        settle(tail_);
      }
    }
    return bytes;
  }

  void settle(std::string_view tail) {
    attempt_->settle(attempt_->target().protocol->usage_of(tail));
    settled_ = true;
  }
  void keep_tail(std::string_view bytes) {
    if (bytes.size() >= kTail) {
      tail_.assign(bytes.substr(bytes.size() - kTail));
      return;
    }
    if (tail_.size() + bytes.size() > kTail) {
      tail_.erase(0, tail_.size() + bytes.size() - kTail);
    }
    tail_.append(bytes);
  }

  std::unique_ptr<Attempt> attempt_;
  std::uint64_t length_ = UINT64_MAX;
  std::uint64_t seen_ = 0;
  bool settled_ = false;
  std::string tail_;
};

class EventBody final : public edge::BodyStream, public Recycled {
 public:
  EventBody(std::unique_ptr<Attempt> attempt, std::unique_ptr<providers::StreamRelay> relay)
      : attempt_(std::move(attempt)), relay_(std::move(relay)) {
    first_token_by_ = std::chrono::steady_clock::now() + attempt_->target().timeouts.first_token;
  }

  Task<Result<std::string_view>> next() override {
    if (ended_) {
      co_return std::string_view();
    }
    auto bytes = co_await produce();
    attempt_->settle(relay_->usage());
    if (bytes) {
      ended_ = bytes->empty();
      sent_ = true;
      co_return *bytes;
    }
    ended_ = true;
    // Nobody reads a job's answer as it comes: whoever runs it decides by the error itself.
    const bool is_job = attempt_->context().ledger != nullptr;
    if (!sent_ || is_job || bytes.error().kind == ErrorKind::ClientLeft) {
      co_return fail(bytes.error());
    }
    co_return error_event(bytes.error());
  }

 private:
  Task<Result<std::string_view>> produce() {
    while (!finished_) {
      const SteadyTime ping_at = std::chrono::steady_clock::now() + kPingAfter;
      const SteadyTime patience = token_seen_ ? ping_at : std::min(ping_at, first_token_by_);
      if (!head_seen_) {
        auto there = co_await attempt_->await_answer(patience);
        if (!there) {
          co_return fail(there.error());
        }
        head_seen_ = *there;
        if (head_seen_) {
          auto checked = check_content_type(*attempt_, model::Delivery::Stream);
          if (!checked) {
            co_return fail(checked.error());
          }
          continue;
        }
      } else {
        auto piece = co_await attempt_->read(patience);
        if (!piece) {
          co_return fail(piece.error());
        }
        if (*piece) {
          finished_ = (*piece)->empty();
          auto out = finished_ ? relay_->finish() : relay_->feed(**piece);
          if (!out || !out->empty()) {
            token_seen_ = true;
            co_return out;
          }
          continue;
        }
      }
      if (!token_seen_ && std::chrono::steady_clock::now() >= first_token_by_) {
        co_return fail(timed_out("The model server did not begin to answer in time."));
      }
      co_return kPing;
    }
    co_return std::string_view();
  }

  std::string_view error_event(const Error& error) {
    model::RequestContext& context = attempt_->context();
    context.error_code = wire_code(error);
    context.error_detail = error.detail;
    last_ = R"(data: {"error":{"message":)" + json_quote(error.message) + R"(,"type":")" +
            std::string(wire_type(error.kind)) + R"(","param":null,"code":)" +
            json_quote(wire_code(error)) + R"(,"request_id":)" + json_quote(context.request_id) +
            "}}\n\n";
    return last_;
  }

  std::unique_ptr<Attempt> attempt_;
  std::unique_ptr<providers::StreamRelay> relay_;
  SteadyTime first_token_by_;
  std::string last_;
  bool head_seen_ = false;
  bool token_seen_ = false;
  bool finished_ = false;  // the wire stream ended
  bool ended_ = false;     // nothing more goes to the client
  bool sent_ = false;
};

}  // namespace

std::unique_ptr<edge::BodyStream> relay_whole(std::unique_ptr<Attempt> attempt) {
  return std::make_unique<WholeBody>(std::move(attempt));
}

std::unique_ptr<edge::BodyStream> relay_events(std::unique_ptr<Attempt> attempt,
                                               std::unique_ptr<providers::StreamRelay> relay) {
  return std::make_unique<EventBody>(std::move(attempt), std::move(relay));
}

Result<void> check_content_type(const Attempt& attempt, model::Delivery delivery) {
  const auto type = attempt.head().field("content-type");
  const std::string_view wanted =
      delivery == model::Delivery::Stream ? "text/event-stream" : "application/json";
  if (type && ascii_starts_with_ignore_case(*type, wanted)) {
    return {};
  }
  return fail(attempt.blame(
      upstream_failed("The model server answered in an unexpected form.",
                      "content type " + std::string(type.value_or("(none)").substr(0, 80)))));
}

}  // namespace headgate::dispatch
