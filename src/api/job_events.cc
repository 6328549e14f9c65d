// Watching a job: the same events over server-sent events and over a WebSocket.
#include "api/job_events.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <utility>

#include "api/form.h"
#include "api/jobs.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

constexpr std::size_t kEventsAtOnce = 200;
constexpr std::chrono::seconds kPing{15};
constexpr std::uint16_t kGoingAway = 1001;  // RFC 6455 §7.4.1

Result<std::int64_t> place(std::string_view text, const std::string& name) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0) {
    return fail(invalid_request("'" + name + "' must be the number of an event, from 0.", name));
  }
  return value;
}

/// The number of the last event that the client has seen.
Result<std::int64_t> seen_before(const edge::Request& request) {
  auto parameters = parse_query(request.query);
  if (!parameters) {
    return fail(parameters.error());
  }
  for (const auto& [name, value] : *parameters) {
    if (name != "after") {
      return fail(invalid_request("There is no parameter '" + name.substr(0, 64) + "' here.",
                                  name.substr(0, 64)));
    }
    return place(value, "after");
  }
  if (const auto last = request.field("last-event-id")) {
    return place(*last, "Last-Event-ID");
  }
  return 0;
}

/// The events of one job from a place on, as they come, until the last.
class EventFeed final {
 public:
  EventFeed(queue::JobQueue& queue, const model::Job& job, std::int64_t after, CancelSource& cancel)
      : queue_(queue),
        job_(job),
        after_(after),
        watcher_(queue.watch().watch(job.seq)),
        leaving_(cancel, [this] { watcher_->wake(); }),
        cancel_(cancel) {}

  /// The next events; none when a ping is due. nullopt after the last event, or when the gateway
  /// stops: the rest is there to be asked for after its next start.
  Task<Result<std::optional<std::vector<model::JobEvent>>>> next() {
    while (true) {
      auto events = co_await queue_.events().read(job_.seq, after_, kEventsAtOnce);
      if (!events) {
        co_return fail(events.error());
      }
      if (!events->empty()) {
        after_ = events->back().n;
        co_return std::optional(std::move(*events));
      }
      if (is_terminal(job_.state)) {
        co_return std::nullopt;
      }
      if (cancel_.cancelled()) {
        co_return fail(client_left());
      }
      // What happens between the look at the events and the look at the job wakes the watcher.
      auto now = co_await queue_.store().find(job_.id, "");
      if (!now) {
        co_return fail(now.error());
      }
      const bool ended = is_terminal(now->state);
      job_ = std::move(*now);
      if (ended) {
        continue;
      }
      if (queue_.watch().closed()) {
        cut_short_ = true;
        co_return std::nullopt;
      }
      const bool woken = co_await watcher_->wait_until(std::chrono::steady_clock::now() + kPing);
      if (!woken) {
        co_return std::optional(std::vector<model::JobEvent>());
      }
    }
  }

  /// Whether it ended because the gateway stops.
  bool cut_short() const { return cut_short_; }

 private:
  queue::JobQueue& queue_;
  model::Job job_;
  std::int64_t after_;
  bool cut_short_ = false;
  std::shared_ptr<queue::JobWatch::Watcher> watcher_;
  OnCancel<std::function<void()>> leaving_;
  CancelSource& cancel_;
};

class SseBody final : public edge::BodyStream {
 public:
  SseBody(queue::JobQueue& queue, const model::Job& job, std::int64_t after, CancelSource& cancel)
      : feed_(queue, job, after, cancel) {}

  Task<Result<std::string_view>> next() override {
    auto events = co_await feed_.next();
    if (!events) {
      co_return fail(events.error());
    }
    text_.clear();
    if (!*events) {
      co_return std::string_view();
    }
    for (const model::JobEvent& event : **events) {
      append_sse_event(text_, event);
    }
    if (text_.empty()) {
      text_ = ": ping\n\n";
    }
    co_return text_;
  }

 private:
  EventFeed feed_;
  std::string text_;
};

class SocketSession final : public edge::WebSocketSession {
 public:
  SocketSession(queue::JobQueue& queue, const model::Job& job, std::int64_t after,
                CancelSource& cancel)
      : feed_(queue, job, after, cancel) {}

  Task<void> run(edge::WebSocketPeer& peer) override {
    while (true) {
      auto events = co_await feed_.next();
      if (!events || !*events) {
        if (feed_.cut_short()) {
          co_await peer.close(kGoingAway, "The gateway is stopping.");
        }
        co_return;
      }
      for (const model::JobEvent& event : **events) {
        const std::string message = socket_message(event);
        auto sent = co_await peer.send_text(message);
        if (!sent) {
          co_return;
        }
      }
    }
  }

 private:
  EventFeed feed_;
};

}  // namespace

void append_sse_event(std::string& text, const model::JobEvent& event) {
  text.append("id: ").append(std::to_string(event.n)).append("\nevent: ").append(event.type);
  std::string_view rest = event.data;
  while (true) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    text.append("\ndata: ").append(rest.substr(0, end));
    if (end == rest.size()) {
      break;
    }
    rest.remove_prefix(rest.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  text.append("\n\n");
}

std::string socket_message(const model::JobEvent& event) {
  return R"({"id":)" + std::to_string(event.n) + R"(,"type":)" + json_quote(event.type) +
         R"(,"data":)" + event.data + "}";
}

Task<Result<edge::Response>> JobEvents::handle(Call call) const {
  auto after = seen_before(call.http);
  if (!after) {
    co_return fail(after.error());
  }
  auto job =
      co_await desk_.queue->store().find(call.path_values.front(), visible_owner(call.context));
  if (!job) {
    co_return fail(job.error());
  }
  edge::Response response;
  response.content_type = "text/event-stream; charset=utf-8";
  response.fields = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  response.stream = std::make_unique<SseBody>(*desk_.queue, *job, *after, call.context.cancel);
  co_return response;
}

Task<Result<edge::Response>> JobSocket::handle(Call call) const {
  auto after = seen_before(call.http);
  if (!after) {
    co_return fail(after.error());
  }
  auto job =
      co_await desk_.queue->store().find(call.path_values.front(), visible_owner(call.context));
  if (!job) {
    co_return fail(job.error());
  }
  edge::Response response;
  response.websocket =
      std::make_unique<SocketSession>(*desk_.queue, *job, *after, call.context.cancel);
  co_return response;
}

}  // namespace headgate::api
