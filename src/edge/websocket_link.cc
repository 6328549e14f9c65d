#include "edge/websocket_link.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace headgate::edge {
namespace {

/// Keeps proxies from taking the connection for dead.
constexpr std::chrono::seconds kPingEvery{30};
/// Two pings without an answer, and some.
constexpr std::chrono::seconds kMaxSilence{75};
/// From our Close to the end of the connection.
constexpr std::chrono::seconds kCloseWait{2};
/// Messages the session has not taken yet, with what each costs beside its text.
constexpr std::size_t kMaxUnread = 256 << 10;
constexpr std::size_t kMessageOverhead = 64;

}  // namespace

IdleStep idle_step(SteadyTime heard, SteadyTime pinged, SteadyTime now) {
  const SteadyTime give_up = heard + kMaxSilence;
  if (now >= give_up) {
    return {.action = IdleAction::GiveUp, .again = now};
  }
  if (now >= pinged + kPingEvery) {
    return {.action = IdleAction::Ping, .again = std::min(give_up, now + kPingEvery)};
  }
  return {.action = IdleAction::Wait, .again = std::min(give_up, pinged + kPingEvery)};
}

WebSocketLink::WebSocketLink(WebSocketTransport& transport, EventLoop& loop,
                             model::RequestContext& context)
    : transport_(transport),
      loop_(loop),
      context_(context),
      heard_(std::chrono::steady_clock::now()),
      pinged_(heard_) {}

Task<void> WebSocketLink::run(WebSocketSession& session) {
  loop_.spawn(write_all());
  if (!closing_) {
    loop_.arm(*this, idle_step(heard_, pinged_, heard_).again);
  }
  try {
    co_await session.run(*this);
    begin_close(close_code::kNormal, {});
  } catch (const std::exception& error) {
    context_.error_code = default_code(ErrorKind::Internal);
    context_.error_detail = error.what();
    begin_close(close_code::kInternal, "The gateway failed; its log has the cause.");
  }
  while (!over()) {
    co_await ended_.wait();
  }
  disarm();
}

// -- what the client does -------------------------------------------------------------------------

void WebSocketLink::on_bytes(std::string_view bytes) {
  heard_ = std::chrono::steady_clock::now();
  while (!bytes.empty() && !failed_ && !peer_closed_) {
    auto step = decoder_.next(bytes);
    if (!step) {
      failed_ = true;
      context_.error_detail = step.error().reason;
      end_session(step.error().code, step.error().reason);
      return;
    }
    bytes.remove_prefix(step->taken);
    if (step->event) {
      on_event(std::move(*step->event));
    }
  }
}

void WebSocketLink::on_event(WebSocketDecoder::Event event) {
  switch (event.kind) {
    case Opcode::Text:
      take_message(std::move(event.payload));
      break;
    case Opcode::Binary:
      end_session(close_code::kUnsupportedData, "Only text messages are taken.");
      break;
    case Opcode::Ping:
      pong_ = std::move(event.payload);  // only the latest ping needs its answer (§5.5.3)
      to_write_.notify();
      break;
    case Opcode::Close:
      peer_closed_ = true;
      end_session(event.code, {});
      break;
    case Opcode::Pong:
    case Opcode::Continuation:
      break;
  }
}

void WebSocketLink::take_message(std::string text) {
  if (closing_) {
    return;
  }
  const std::size_t cost = text.size() + kMessageOverhead;
  if (unread_bytes_ + cost > kMaxUnread) {
    end_session(close_code::kPolicy, "Messages come faster than they are taken.");
    return;
  }
  unread_bytes_ += cost;
  unread_.push_back(std::move(text));
  arrived_.notify();
}

void WebSocketLink::on_gone() {
  gone_ = true;
  if (!peer_closed_) {
    transport_.cut();
  }
  context_.cancel.cancel();
  notify_all();
}

// -- time and end ---------------------------------------------------------------------------------

void WebSocketLink::going_away() {
  end_session(close_code::kGoingAway, "The gateway is stopping.");
}

void WebSocketLink::on_deadline() {
  if (closing_) {
    gone_ = true;
    transport_.cut();
    notify_all();
    return;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  const IdleStep step = idle_step(heard_, pinged_, now);
  if (step.action == IdleAction::GiveUp) {
    end_session(close_code::kPolicy, "Pings were not answered.");
    return;
  }
  if (step.action == IdleAction::Ping) {
    pinged_ = now;
    ping_due_ = true;
    to_write_.notify();
  }
  loop_.arm(*this, step.again);
}

void WebSocketLink::begin_close(std::uint16_t code, std::string_view reason) {
  if (closing_) {
    return;
  }
  closing_ = true;
  append_websocket_close(close_frame_, code, reason);
  loop_.arm(*this, std::chrono::steady_clock::now() + kCloseWait);
  notify_all();
}

void WebSocketLink::end_session(std::uint16_t code, std::string_view reason) {
  begin_close(code, reason);
  context_.cancel.cancel();
  notify_all();
}

void WebSocketLink::notify_all() {
  to_write_.notify();
  sent_.notify();
  arrived_.notify();
  ended_.notify();
}

// -- writing --------------------------------------------------------------------------------------

bool WebSocketLink::gather(std::string& batch) {
  batch.clear();
  if (pong_) {
    append_websocket_frame(batch, Opcode::Pong, *pong_);
    pong_.reset();
  }
  if (std::exchange(ping_due_, false)) {
    append_websocket_frame(batch, Opcode::Ping, {});
  }
  batch.append(outbox_);
  outbox_.clear();
  batch.append(close_frame_);
  return !close_frame_.empty();
}

Task<void> WebSocketLink::write_all() {
  std::string batch;
  bool written = true;
  bool last = false;
  while (written && !last && !lost()) {
    last = gather(batch);
    if (batch.empty()) {
      co_await to_write_.wait();
      continue;
    }
    const std::uint64_t messages = queued_;
    written = co_await transport_.write_frames(batch);
    if (written) {
      bytes_sent_ += batch.size();
      written_ = messages;
      sent_.notify();
    }
  }
  writer_done_ = true;
  if (!written) {
    on_gone();
  }
  notify_all();
}

// -- what the session does ------------------------------------------------------------------------

Task<Result<void>> WebSocketLink::send_text(std::string_view text) {
  if (closing_ || gone_) {
    co_return fail(client_left());
  }
  append_websocket_frame(outbox_, Opcode::Text, text);
  const std::uint64_t mine = ++queued_;
  to_write_.notify();
  while (written_ < mine && !writer_done_) {
    co_await sent_.wait();
  }
  if (written_ < mine) {
    co_return fail(client_left());
  }
  co_return Result<void>{};
}

Task<Result<std::optional<std::string>>> WebSocketLink::receive_until(SteadyTime until) {
  bool in_time = true;
  while (unread_.empty()) {
    if (closing_ || gone_) {
      co_return fail(client_left());
    }
    if (!in_time || std::exchange(woken_, false)) {
      co_return std::optional<std::string>();
    }
    in_time = co_await arrived_.wait_until(until);
  }
  std::optional<std::string> message = std::move(unread_.front());
  unread_.pop_front();
  unread_bytes_ -= message->size() + kMessageOverhead;
  co_return message;
}

void WebSocketLink::wake() {
  woken_ = true;
  arrived_.notify();
}

Task<void> WebSocketLink::close(std::uint16_t code, std::string_view reason) {
  begin_close(code, reason);
  while (!over()) {
    co_await ended_.wait();
  }
}

}  // namespace headgate::edge
