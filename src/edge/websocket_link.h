#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/signal.h"
#include "edge/handler.h"
#include "edge/websocket_frames.h"

namespace headgate::edge {

/// The connection under a WebSocket.
class WebSocketTransport {
 public:
  virtual ~WebSocketTransport() = default;
  /// Writes all of `bytes`; one call at a time. False if the client is gone or takes nothing for
  /// too long.
  virtual Task<bool> write_frames(std::string_view bytes) = 0;
  /// Closes the socket; a write that waits ends.
  virtual void cut() = 0;
};

/// What to do about a client from which nothing has come since `heard`.
enum class IdleAction : std::uint8_t { Wait, Ping, GiveUp };
struct IdleStep {
  IdleAction action = IdleAction::Wait;
  SteadyTime again;  ///< when to ask next
};
IdleStep idle_step(SteadyTime heard, SteadyTime pinged, SteadyTime now);

/// One open WebSocket: between the session, which sends and receives messages, and the connection,
/// which moves bytes.
///
/// Bytes are decoded as they arrive, so that pings are answered and a Close is noticed whatever the
/// session waits for. All frames are written by one coroutine; it takes what has gathered since its
/// last write. The connection ends when the Close frames have been exchanged, or kCloseWait after
/// ours was due.
class WebSocketLink final : public WebSocketPeer, private Deadline {
 public:
  WebSocketLink(WebSocketTransport& transport, EventLoop& loop, model::RequestContext& context);

  /// Runs `session` and then the close handshake. Nothing uses the transport afterwards.
  Task<void> run(WebSocketSession& session);

  /// Bytes from the client.
  void on_bytes(std::string_view bytes);
  /// The client has closed its side or the connection broke.
  void on_gone();
  /// Tells client and session that the gateway stops.
  void going_away();

  std::uint64_t bytes_sent() const { return bytes_sent_; }
  /// Whether the client was cut off while it may still be sending.
  bool failed() const { return failed_; }

  Task<Result<void>> send_text(std::string_view text) override;
  Task<Result<std::optional<std::string>>> receive_until(SteadyTime until) override;
  void wake() override;
  Task<void> close(std::uint16_t code, std::string_view reason) override;

 private:
  void on_deadline() override;
  void on_event(WebSocketDecoder::Event event);
  void take_message(std::string text);
  /// Queues the Close frame unless one was before, and limits the time from here.
  void begin_close(std::uint16_t code, std::string_view reason);
  /// begin_close, and the session ends: for all but its own wish.
  void end_session(std::uint16_t code, std::string_view reason);
  void notify_all();

  Task<void> write_all();
  /// Moves what is to be written into `batch`; true if it ends with the Close frame.
  bool gather(std::string& batch);
  /// Whether nothing more can be written.
  bool lost() const { return gone_ && !peer_closed_; }
  bool over() const { return writer_done_ && (peer_closed_ || gone_ || failed_); }

  WebSocketTransport& transport_;
  EventLoop& loop_;
  model::RequestContext& context_;
  WebSocketDecoder decoder_;

  std::deque<std::string> unread_;
  std::size_t unread_bytes_ = 0;
  std::string outbox_;  // frames of the session's messages
  std::optional<std::string> pong_;
  std::string close_frame_;
  std::uint64_t queued_ = 0;  // messages
  std::uint64_t written_ = 0;
  std::uint64_t bytes_sent_ = 0;
  SteadyTime heard_;
  SteadyTime pinged_;

  bool ping_due_ = false;
  bool woken_ = false;
  bool closing_ = false;      // our Close is queued or sent
  bool peer_closed_ = false;  // the client's Close has come
  bool failed_ = false;       // the client broke the protocol
  bool gone_ = false;
  bool writer_done_ = false;

  Signal to_write_;
  Signal sent_;
  Signal arrived_;
  Signal ended_;
};

}  // namespace headgate::edge
