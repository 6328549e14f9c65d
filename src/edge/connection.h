#pragma once

// One client connection. Included by server.cc only: Asio stays inside edge/.
//
// A connection is one coroutine, serve(): read a head, let the handler admit it, read the body,
// await the answer, write it, again. While the handler works a receive stays pending, so that a
// client that leaves is noticed at once (its request is cancelled) and pipelined bytes are ready
// when needed. Bytes are received into `inbox_`; a small body stays there, a large one goes
// straight into a buffer of its own. What arrives while a request is handled goes into `ahead_`,
// which becomes the inbox of the next request: so each starts at the front of a buffer that another
// has just used. All time limits are the one Deadline this object is. A connection that becomes a
// WebSocket gives what it receives to a WebSocketLink, which has time limits of its own, and ends
// with it.

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/ids.h"
#include "base/recycler.h"
#include "edge/client_address.h"
#include "edge/cors.h"
#include "edge/head_parser.h"
#include "edge/loop_state.h"
#include "edge/request_fields.h"
#include "edge/response_writer.h"
#include "edge/websocket_link.h"

namespace headgate::edge {

namespace asio = boost::asio;

using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using TlsStream = asio::ssl::stream<Socket>;
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});

/// Takes the head and body of most requests in one receive. A larger body is received into a buffer
/// that another request has just used, which is cheaper than one that has waited beside each of
/// many idle connections until the processor forgot it.
inline constexpr std::size_t kInboxSize = 4 << 10;
/// A chunked body's buffer above this size is not kept for the next request.
inline constexpr std::size_t kKeptChunkedBody = 64 << 10;
/// A reader that takes nothing for this long is gone.
inline constexpr std::chrono::seconds kWriteStall{60};
/// The slowest upload we wait for: this much in each body_timeout second.
inline constexpr std::uint64_t kMinBodyBytesPerSecond = 1 << 10;
/// After refusing a request with its body unread: how much and how long we listen to the rest.
inline constexpr std::size_t kLingerBytes = 64 << 10;
inline constexpr std::chrono::seconds kLingerTime{2};
/// How long a TLS client may take to answer our close_notify.
inline constexpr std::chrono::seconds kTlsGoodbye{1};
/// Requests served in a row before other connections get a turn.
inline constexpr unsigned kBurst = 64;

/// Counts a request as under way.
class InFlight {
 public:
  explicit InFlight(LoopStats& stats) : stats_(stats) { stats_.in_flight.add(1); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { stats_.in_flight.subtract(1); }

 private:
  LoopStats& stats_;
};

template <class Stream>
class Connection final : public ConnectionBase, private Deadline, private WebSocketTransport {
 public:
  Connection(Stream stream, LoopState& state, std::string peer_address, bool on_admin_listener)
      : stream_(std::move(stream)),
        state_(state),
        peer_address_(std::move(peer_address)),
        inbox_(state.buffers.take(kInboxSize)) {
    context_.admin_listener = on_admin_listener;
    state_.add(*this);
  }
  ~Connection() override { state_.remove(*this); }

  /// The whole life of the connection.
  Task<void> serve();

  void drain() override {
    if (phase_ == Phase::Idle) {
      close_socket();
    } else if (websocket_ != nullptr) {
      websocket_->going_away();
    }
  }
  void abort() override {
    context_.cancel.cancel();
    close_socket();
  }

 private:
  enum class Phase : std::uint8_t { Handshake, Idle, Head, Body, Handling, WebSocket, Linger };
  enum class Next : std::uint8_t { Request, Refused, Closed };
  enum class Keep : std::uint8_t { Open, Close, Linger };

  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  // -- time and socket
  // ------------------------------------------------------------------------------
  void on_deadline() override {
    if (phase_ == Phase::Body && body_progress_ >= body_quota_) {
      body_progress_ = 0;
      arm_after(settings().body_timeout);
      return;
    }
    timed_out_ = true;
    interrupt();
  }
  void arm_after(std::chrono::milliseconds delay) {
    state_.loop.arm(*this, std::chrono::steady_clock::now() + delay);
  }
  const config::ServerSettings& settings() const { return state_.settings->server; }
  Socket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  /// Ends whatever operation is pending on the socket.
  void interrupt() {
    boost::system::error_code ignored;
    socket().cancel(ignored);
  }
  void close_socket() {
    boost::system::error_code ignored;
    socket().close(ignored);
  }

  // -- receiving
  // ------------------------------------------------------------------------------------
  std::string_view unread() const { return {inbox_.data() + begin_, end_ - begin_}; }
  std::size_t room() const { return inbox_.size() - kBodyPadding - end_; }

  /// Makes room behind the unread bytes, by moving them to the front or into a larger inbox. Only
  /// while no receive is pending and no view into the inbox is in use.
  void make_room() {
    const std::size_t have = end_ - begin_;
    if (begin_ > 0) {
      std::memmove(inbox_.data(), inbox_.data() + begin_, have);
    } else {
      Buffer larger = state_.buffers.take(inbox_.size() * 2);
      std::memcpy(larger.data(), inbox_.data(), have);
      inbox_ = std::move(larger);
    }
    begin_ = 0;
    end_ = have;
  }

  struct Received {
    Connection& connection;

    using allocator_type = RecyclingAllocator<void>;
    allocator_type get_allocator() const { return {}; }
    void operator()(boost::system::error_code ec, std::size_t n) { connection.received(ec, n); }
  };
  void start_receive() {
    if (receiving_ || gone_) {
      return;
    }
    if (ahead_.empty() && (phase_ == Phase::Handling || phase_ == Phase::WebSocket) &&
        end_ == begin_ + head_size_ + body_in_inbox_) {
      ahead_ = state_.buffers.take(kInboxSize);
      ahead_end_ = 0;
    }
    Buffer& into = ahead_.empty() ? inbox_ : ahead_;
    const std::size_t from = ahead_.empty() ? end_ : ahead_end_;
    const std::size_t space = into.size() - kBodyPadding - from;
    if (space > 0) {
      receiving_ = true;
      stream_.async_read_some(asio::buffer(into.data() + from, space), Received{*this});
    }
  }
  void received(boost::system::error_code ec, std::size_t n) {
    receiving_ = false;
    (ahead_.empty() ? end_ : ahead_end_) += n;
    if (ec && !(timed_out_ && ec == asio::error::operation_aborted)) {
      gone_ = true;
    }
    if (waiter_) {
      auto ready = std::move(*waiter_);
      waiter_.reset();
      std::move(ready)();
    } else if (phase_ == Phase::Handling) {
      if (gone_) {
        context_.cancel.cancel();
      } else {
        start_receive();
      }
    } else if (websocket_ != nullptr) {
      hand_over_frames();
      if (gone_) {
        websocket_->on_gone();
      } else {
        start_receive();
      }
    }
  }
  /// Returns when more bytes are in the inbox, the client is gone or the time is up.
  Task<void> receive() {
    start_receive();
    if (receiving_) {
      co_await asio::async_initiate<const WaitToken, void()>(
          [this](auto handler) { waiter_.emplace(std::move(handler)); }, WaitToken{});
    }
  }

  // -- one request
  // ----------------------------------------------------------------------------------
  Task<Keep> serve_requests(Keep keep);
  Task<Next> read_head();
  Task<Keep> serve_request();
  /// Takes a body of at most `limit` bytes that came along with the head; false if it is not all
  /// here or too long.
  bool take_body_at_hand(std::uint64_t limit);
  Task<Result<void>> read_body(std::uint64_t limit);
  Task<Result<void>> read_long_body(std::uint64_t length);
  Task<Result<void>> read_chunked_body(std::uint64_t limit);
  Error body_interrupted() const;
  void begin_request();
  /// Whether a refused request's unread body is small enough to be skipped on a kept connection.
  bool skip_unread_body();

  // -- answering
  // ------------------------------------------------------------------------------------
  Task<Keep> answer(Response response, Keep wanted);
  Task<Keep> answer_stream(Response response, Keep keep, BodyFraming framing);
  Task<bool> write(std::array<std::string_view, 4> pieces);
  Task<void> linger();
  void finish(int status);

  // -- as a WebSocket
  // ------------------------------------------------------------------------------------
  Task<Keep> answer_websocket(Response response, Keep keep);
  /// Gives the WebSocket what has arrived behind the head. The buffer is used again once no receive
  /// is pending into it.
  void hand_over_frames();
  Task<bool> write_frames(std::string_view bytes) override { co_return co_await write({bytes}); }
  void cut() override {
    gone_ = true;
    close_socket();
  }

  using WaitToken = asio::use_awaitable_t<Executor>;
  using Waiter = typename asio::async_result<WaitToken, void()>::handler_type;

  Stream stream_;
  LoopState& state_;
  std::string peer_address_;
  std::string forwarded_address_;  // of the client behind a trusted proxy
  model::RequestContext context_;
  Head head_;
  HeadScanner scanner_;

  Buffer inbox_;  // unread bytes are [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t head_size_ = 0;
  std::size_t body_in_inbox_ = 0;
  Buffer ahead_;  // bytes of the next request are [0, ahead_end_); empty: they are in the inbox
  std::size_t ahead_end_ = 0;
  Buffer long_body_;
  std::string chunked_body_;
  std::uint64_t body_progress_ = 0;
  std::uint64_t body_quota_ = 0;

  TextBuffer out_;  // response head
  std::uint64_t sent_body_bytes_ = 0;
  WebSocketLink* websocket_ = nullptr;  // while this connection is one
  std::size_t frames_taken_ = 0;        // bytes behind the head that it has had
  std::optional<Waiter> waiter_;
  std::optional<Error> refusal_;
  Phase phase_ = Phase::Handshake;
  bool receiving_ = false;
  bool gone_ = false;  // the client closed or the connection broke
  bool timed_out_ = false;
  bool body_unread_ = false;
};

template <class Stream>
Task<void> Connection<Stream>::serve() {
  if constexpr (kTls) {
    arm_after(settings().header_timeout);
    auto [failed] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    gone_ = static_cast<bool>(failed);
  }
  Keep keep = gone_ ? Keep::Close : Keep::Open;
  try {
    keep = co_await serve_requests(keep);
  } catch (const std::exception& error) {
    // A bug behind the handler while a body was streamed: this connection ends, the gateway goes
    // on.
    context_.error_detail = error.what();
    finish(500);
    keep = Keep::Close;
  }
  if (keep == Keep::Linger) {
    co_await linger();
  } else if constexpr (kTls) {
    if (!gone_) {
      arm_after(kTlsGoodbye);
      co_await stream_.async_shutdown(kAwait);
    }
  }
  disarm();
  close_socket();
  while (receiving_) {
    co_await receive();
  }
}

template <class Stream>
Task<typename Connection<Stream>::Keep> Connection<Stream>::serve_requests(Keep keep) {
  unsigned burst = 0;
  while (keep == Keep::Open) {
    const Next next = co_await read_head();
    if (next == Next::Closed) {
      co_return Keep::Close;
    }
    const InFlight counted(state_.stats);
    begin_request();
    if (next == Next::Refused) {
      Response response = state_.handler.refuse(*refusal_, nullptr, context_);
      keep = co_await answer(std::move(response), Keep::Linger);
    } else {
      keep = co_await serve_request();
    }
    if (++burst % kBurst == 0) {
      co_await asio::post(asio::use_awaitable_t<Executor>{});
    }
  }
  co_return keep;
}

template <class Stream>
Task<typename Connection<Stream>::Next> Connection<Stream>::read_head() {
  scanner_.reset();
  refusal_.reset();
  timed_out_ = false;
  bool skipped_empty_line = false;
  phase_ = end_ > begin_ ? Phase::Head : Phase::Idle;
  bool armed = false;
  while (true) {
    if (!skipped_empty_line && unread().starts_with("\r\n")) {
      begin_ += 2;  // RFC 9112 §2.2: one empty line before a request line is skipped
      skipped_empty_line = true;
    }
    const bool half_an_empty_line = !skipped_empty_line && unread() == "\r";
    if (end_ > begin_ && !half_an_empty_line) {
      auto size = scanner_.scan(unread(), settings().max_header_size);
      if (!size) {
        refusal_ = size.error();
        co_return Next::Refused;
      }
      if (*size) {
        head_size_ = **size;
        auto parsed = parse_head(unread().substr(0, head_size_), head_);
        if (!parsed) {
          refusal_ = parsed.error();
          co_return Next::Refused;
        }
        co_return Next::Request;
      }
    }
    if (gone_ || (state_.draining && end_ == begin_)) {
      co_return Next::Closed;
    }
    // A request must be complete header_timeout after its first byte; before that we are idle.
    const bool first_byte_here = end_ > begin_;
    if (first_byte_here != (phase_ == Phase::Head) || !armed) {
      const bool fresh = phase_ == Phase::Idle && context_.request_id.empty();
      phase_ = first_byte_here ? Phase::Head : Phase::Idle;
      arm_after(first_byte_here || fresh ? settings().header_timeout : settings().idle_timeout);
      armed = true;
    }
    if (!receiving_ && (room() == 0 || begin_ > inbox_.size() / 2)) {
      make_room();
    }
    co_await receive();
    if (timed_out_ && !gone_) {
      if (phase_ == Phase::Idle) {
        co_return Next::Closed;
      }
      refusal_ = invalid_request("The request header did not arrive in time.");
      refusal_->kind = ErrorKind::RequestTimeout;
      co_return Next::Refused;
    }
  }
}

template <class Stream>
void Connection<Stream>::begin_request() {
  disarm();
  context_.reset();
  context_.started = std::chrono::steady_clock::now();
  context_.remote_address = peer_address_;
  sent_body_bytes_ = 0;
  body_unread_ = false;
  body_in_inbox_ = 0;
  if (refusal_) {
    head_.framing = Framing();
    head_.request = Request();
    head_.http_1_0 = false;
    append_uuid_v7(context_.request_id);
    return;
  }
  head_.request.tls = kTls;
  if (!state_.settings->trusted_proxies.empty()) {
    forwarded_address_ =
        client_address(peer_address_, head_.request, state_.settings->trusted_proxies);
    context_.remote_address = forwarded_address_;
  }
  take_request_fields(head_.request, context_);
  body_unread_ = head_.framing.kind != Framing::Kind::None;
}

template <class Stream>
Task<typename Connection<Stream>::Keep> Connection<Stream>::serve_request() {
  Request& request = head_.request;
  Keep keep = head_.keep_alive ? Keep::Open : Keep::Close;
  if (request.method_name == "CONNECT" || request.method_name == "TRACE") {
    Error error = invalid_request("This method is not offered.");
    error.kind = ErrorKind::MethodNotAllowed;
    Response response = state_.handler.refuse(error, &request, context_);
    response.add_field("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    co_return co_await answer(std::move(response), Keep::Linger);
  }
  if (auto preflight = cors_preflight(request, settings())) {
    co_return co_await answer(std::move(*preflight), skip_unread_body() ? keep : Keep::Linger);
  }
  auto policy = state_.handler.admit(request, context_);
  if (!policy) {
    co_return co_await answer(std::move(policy.error()), skip_unread_body() ? keep : Keep::Linger);
  }
  if (body_unread_ && !take_body_at_hand(policy->max_bytes)) {
    auto body = co_await read_body(policy->max_bytes);
    if (!body) {
      if (body.error().kind == ErrorKind::ClientLeft) {
        finish(499);
        co_return Keep::Close;
      }
      Response response = state_.handler.refuse(body.error(), &request, context_);
      co_return co_await answer(std::move(response), Keep::Linger);
    }
  }
  phase_ = Phase::Handling;
  disarm();
  start_receive();
  std::optional<Response> response;
  std::string failure;
  try {
    response = co_await state_.handler.handle(request, context_);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (!response) {
    response = state_.handler.refuse(internal_error(std::move(failure)), &request, context_);
  }
  co_return co_await answer(std::move(*response), keep);
}

}  // namespace headgate::edge
