#pragma once

// How a connection sends answers and ends. Included by server.cc only.

#include <array>

#include <boost/asio/write.hpp>
#include <sys/socket.h>
#include <sys/uio.h>

#include "edge/connection.h"
#include "edge/response_writer.h"
#include "edge/websocket_handshake.h"

namespace headgate::edge {

template <class Stream>
Task<typename Connection<Stream>::Keep> Connection<Stream>::answer(Response response, Keep wanted) {
  phase_ = Phase::Handling;  // a client that leaves while a stream is awaited cancels it
  if (response.status == 499) {
    finish(499);
    co_return Keep::Close;
  }
  if (response.websocket) {
    co_return co_await answer_websocket(std::move(response), wanted);
  }
  Keep keep = wanted;
  if (keep == Keep::Open && (state_.draining || body_unread_)) {
    keep = body_unread_ ? Keep::Linger : Keep::Close;
  }
  const bool no_body = response.status == 204 || response.status == 304;
  if (response.stream && head_.request.method != Method::Head && !no_body) {
    const BodyFraming framing = response.stream_length ? BodyFraming::Length
                                : head_.http_1_0       ? BodyFraming::UntilClose
                                                       : BodyFraming::Chunked;
    co_return co_await answer_stream(std::move(response), keep, framing);
  }
  const ConnectionField field = keep != Keep::Open ? ConnectionField::Close
                                : head_.http_1_0   ? ConnectionField::KeepAlive10
                                                   : ConnectionField::KeepAlive;
  out_.clear();
  add_response_head(out_, response, context_, no_body ? BodyFraming::None : BodyFraming::Length,
                    response.stream_length.value_or(response.body.size()), field,
                    cors_fields(head_.request, settings()));
  const bool send_body = head_.request.method != Method::Head && !no_body;
  const bool written =
      co_await write({out_.text(), send_body ? std::string_view(response.body) : ""});
  sent_body_bytes_ = send_body ? response.body.size() : 0;
  finish(written ? response.status : 499);
  co_return written ? keep : Keep::Close;
}

template <class Stream>
Task<typename Connection<Stream>::Keep> Connection<Stream>::answer_stream(Response response,
                                                                          Keep keep,
                                                                          BodyFraming framing) {
  if (framing == BodyFraming::UntilClose && keep == Keep::Open) {
    keep = Keep::Close;
  }
  // The head waits for the first bytes, so that both leave together and a failure before them still
  // becomes a proper error.
  auto here = response.stream->at_hand();
  auto piece = here ? std::move(*here) : co_await response.stream->next();
  if (!piece) {
    Response error = state_.handler.refuse(piece.error(), &head_.request, context_);
    co_return co_await answer(std::move(error), keep);
  }
  const ConnectionField field = keep != Keep::Open ? ConnectionField::Close
                                : head_.http_1_0   ? ConnectionField::KeepAlive10
                                                   : ConnectionField::KeepAlive;
  out_.clear();
  add_response_head(out_, response, context_, framing, response.stream_length.value_or(0), field,
                    cors_fields(head_.request, settings()));
  std::array<char, 20> size_line{};
  while (true) {
    const bool last = piece->empty();
    std::string_view before;
    std::string_view after;
    if (framing == BodyFraming::Chunked) {
      const int length =
          std::snprintf(size_line.data(), size_line.size(), "%zx\r\n", piece->size());
      before =
          last ? "0\r\n\r\n" : std::string_view(size_line.data(), static_cast<std::size_t>(length));
      after = last ? "" : "\r\n";
    }
    const bool written = co_await write({out_.text(), before, *piece, after});
    out_.clear();
    if (!written) {
      context_.cancel.cancel();
      response.stream.reset();
      finish(499);
      co_return Keep::Close;
    }
    sent_body_bytes_ += piece->size();
    if (last || (framing == BodyFraming::Length && sent_body_bytes_ >= *response.stream_length)) {
      break;
    }
    here = response.stream->at_hand();
    piece = here ? std::move(*here) : co_await response.stream->next();
    if (!piece) {
      context_.error_code = wire_code(piece.error());
      context_.error_detail = piece.error().detail;
      const bool left = piece.error().kind == ErrorKind::ClientLeft;
      response.stream.reset();
      finish(left ? 499 : response.status);
      co_return Keep::Close;
    }
  }
  response.stream.reset();
  const bool complete =
      framing != BodyFraming::Length || sent_body_bytes_ == *response.stream_length;
  finish(response.status);
  co_return complete ? keep : Keep::Close;
}

template <class Stream>
Task<typename Connection<Stream>::Keep> Connection<Stream>::answer_websocket(Response response,
                                                                             Keep keep) {
  auto accept = check_upgrade(head_, settings());
  if (accept && state_.draining) {
    accept = std::unexpected(
        UpgradeRefusal{.error = overloaded("The gateway is stopping.", std::chrono::seconds(1)),
                       .status = 503,
                       .fields = {}});
  }
  if (!accept) {
    Response refusal = state_.handler.refuse(accept.error().error, &head_.request, context_);
    refusal.status = accept.error().status;
    refusal.fields.append(accept.error().fields);
    co_return co_await answer(std::move(refusal), keep);
  }
  response.status = 101;
  response.add_field("Upgrade", "websocket");
  response.add_field("Connection", "Upgrade");
  response.add_field("Sec-WebSocket-Accept", *accept);
  out_.clear();
  add_response_head(out_, response, context_, BodyFraming::None, 0, ConnectionField::KeepAlive, {});
  const bool written = co_await write({out_.text()});
  if (!written || gone_) {
    response.websocket.reset();
    finish(499);
    co_return Keep::Close;
  }
  WebSocketLink link(*this, state_.loop, context_);
  websocket_ = &link;
  phase_ = Phase::WebSocket;
  frames_taken_ = 0;
  if (state_.draining) {
    link.going_away();
  }
  hand_over_frames();
  start_receive();
  co_await link.run(*response.websocket);
  websocket_ = nullptr;
  response.websocket.reset();
  sent_body_bytes_ = link.bytes_sent();
  finish(101);
  co_return link.failed() && !gone_ ? Keep::Linger : Keep::Close;
}

template <class Stream>
void Connection<Stream>::hand_over_frames() {
  const bool in_ahead = !ahead_.empty();
  const char* const bytes = in_ahead ? ahead_.data() : inbox_.data();
  const std::size_t start = in_ahead ? 0 : begin_ + head_size_ + body_in_inbox_;
  std::size_t& end = in_ahead ? ahead_end_ : end_;
  const std::size_t from = start + frames_taken_;
  const std::string_view fresh(bytes + from, end - from);
  if (receiving_) {
    frames_taken_ += fresh.size();
  } else {
    frames_taken_ = 0;
    end = start;
  }
  websocket_->on_bytes(fresh);
}

template <class Stream>
Task<bool> Connection<Stream>::write(std::array<std::string_view, 4> pieces) {
  if constexpr (kTls) {
    std::array<asio::const_buffer, 4> buffers;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      buffers[i] = asio::const_buffer(pieces[i].data(), pieces[i].size());
    }
    timed_out_ = false;
    arm_after(kWriteStall);
    auto [ec, n] = co_await asio::async_write(stream_, buffers, kAwait);
    disarm();
    co_return !ec;
  } else {
    std::array<iovec, 4> vectors{};
    std::size_t count = 0;
    for (const std::string_view piece : pieces) {
      if (!piece.empty()) {
        vectors[count++] = {
            const_cast<char*>(piece.data()),
            piece.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast): sendmsg only reads
      }
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    while (message.msg_iovlen > 0) {
      ssize_t sent = ::sendmsg(socket().native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EINTR) {
          continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
          co_return false;
        }
        timed_out_ = false;
        arm_after(kWriteStall);
        auto [ec] = co_await socket().async_wait(asio::socket_base::wait_write, kAwait);
        disarm();
        if (ec) {
          co_return false;
        }
        continue;
      }
      while (message.msg_iovlen > 0 && static_cast<std::size_t>(sent) >= message.msg_iov->iov_len) {
        sent -= static_cast<ssize_t>(message.msg_iov->iov_len);
        ++message.msg_iov;
        --message.msg_iovlen;
      }
      if (message.msg_iovlen > 0) {
        message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + sent;
        message.msg_iov->iov_len -= static_cast<std::size_t>(sent);
      }
    }
    co_return true;
  }
}

template <class Stream>
void Connection<Stream>::finish(int status) {
  state_.handler.finished(refusal_ ? nullptr : &head_.request, status, sent_body_bytes_, context_);
  context_.cancel.reset();
  // What belonged to this request leaves the inbox; pipelined bytes stay.
  if (!refusal_) {
    begin_ += std::min(head_size_ + body_in_inbox_, end_ - begin_);
  }
  if (!ahead_.empty()) {
    inbox_ = std::move(ahead_);
    begin_ = 0;
    end_ = ahead_end_;
  } else if (begin_ == end_ && !receiving_) {
    begin_ = end_ = 0;
  }
  head_.request = Request();
  long_body_.release();
  if (chunked_body_.capacity() > kKeptChunkedBody) {
    chunked_body_ = std::string();
  }
}

template <class Stream>
Task<void> Connection<Stream>::linger() {
  phase_ = Phase::Linger;
  boost::system::error_code ignored;
  socket().shutdown(asio::socket_base::shutdown_send, ignored);
  timed_out_ = false;
  arm_after(kLingerTime);
  std::size_t heard = 0;
  while (!gone_ && !timed_out_ && heard < kLingerBytes) {
    if (!receiving_) {
      heard += end_ - begin_;
      begin_ = end_ = 0;
    }
    co_await receive();
  }
}

}  // namespace headgate::edge
