#pragma once

// How a connection reads request bodies. Included by server.cc only.

#include <algorithm>
#include <cstring>

#include "base/chunked_decoder.h"
#include "edge/connection.h"

namespace headgate::edge {

template <class Stream>
bool Connection<Stream>::skip_unread_body() {
  if (!body_unread_) {
    return true;
  }
  // A client that waits for 100 Continue may never send the body, or may: only a close is safe.
  if (head_.framing.kind != Framing::Kind::Length || head_.expects_continue ||
      unread().size() < head_size_ + head_.framing.length) {
    return false;
  }
  body_in_inbox_ = static_cast<std::size_t>(head_.framing.length);
  body_unread_ = false;
  return true;
}

template <class Stream>
Error Connection<Stream>::body_interrupted() const {
  if (gone_ || !timed_out_) {
    return client_left();
  }
  Error error = invalid_request("The request body did not arrive in time.");
  error.kind = ErrorKind::RequestTimeout;
  return error;
}

template <class Stream>
bool Connection<Stream>::take_body_at_hand(std::uint64_t limit) {
  const std::uint64_t length = head_.framing.length;
  if (head_.framing.kind != Framing::Kind::Length || length > limit || length == 0 ||
      unread().size() < head_size_ + length) {
    return false;
  }
  body_in_inbox_ = static_cast<std::size_t>(length);
  head_.request.body = unread().substr(head_size_, body_in_inbox_);
  body_unread_ = false;
  return true;
}

template <class Stream>
Task<Result<void>> Connection<Stream>::read_body(std::uint64_t limit) {
  if (head_.framing.kind == Framing::Kind::Length && head_.framing.length > limit) {
    co_return fail(too_large("The request body is larger than the limit of " +
                             std::to_string(limit) + " bytes."));
  }
  if (head_.expects_continue && !head_.http_1_0 && unread().size() <= head_size_) {
    const bool sent = co_await write({"HTTP/1.1 100 Continue\r\n\r\n"});
    if (!sent) {
      co_return fail(client_left());
    }
  }
  phase_ = Phase::Body;
  body_progress_ = 0;
  const auto timeout = settings().body_timeout;
  body_quota_ = kMinBodyBytesPerSecond *
                std::max<std::uint64_t>(1, static_cast<std::uint64_t>(timeout.count()) / 1000);
  timed_out_ = false;

  Result<void> done;
  if (head_.framing.kind == Framing::Kind::Chunked) {
    arm_after(timeout);
    done = co_await read_chunked_body(limit);
  } else {
    const std::uint64_t length = head_.framing.length;
    if (head_size_ + length + kBodyPadding <= inbox_.size() - begin_) {
      arm_after(timeout);
      while (unread().size() < head_size_ + length) {
        const std::size_t before = end_;
        co_await receive();
        body_progress_ += end_ - before;
        if (gone_ || timed_out_) {
          co_return fail(body_interrupted());
        }
      }
    } else {
      arm_after(timeout);
      done = co_await read_long_body(length);
    }
    if (done && long_body_.empty()) {
      body_in_inbox_ = static_cast<std::size_t>(length);
      head_.request.body = unread().substr(head_size_, body_in_inbox_);
    }
  }
  body_unread_ = !done;
  co_return done;
}

template <class Stream>
Task<Result<void>> Connection<Stream>::read_long_body(std::uint64_t length) {
  while (receiving_) {  // one is pending if this request was pipelined
    const std::size_t before = end_;
    co_await receive();
    body_progress_ += end_ - before;
    if (gone_ || timed_out_) {
      co_return fail(body_interrupted());
    }
    if (unread().size() >= head_size_ + length) {
      co_return Result<void>{};
    }
  }
  long_body_ = state_.buffers.take(static_cast<std::size_t>(length) + kBodyPadding);
  const std::string_view here = unread().substr(head_size_);
  std::memcpy(long_body_.data(), here.data(), here.size());
  std::size_t have = here.size();
  end_ = begin_ + head_size_;
  while (have < length) {
    auto [ec, n] = co_await stream_.async_read_some(
        asio::buffer(long_body_.data() + have, static_cast<std::size_t>(length) - have), kAwait);
    have += n;
    body_progress_ += n;
    if (ec) {
      gone_ = !timed_out_;
      co_return fail(body_interrupted());
    }
  }
  std::memset(long_body_.data() + have, 0, kBodyPadding);
  head_.request.body = {long_body_.data(), have};
  co_return Result<void>{};
}

template <class Stream>
Task<Result<void>> Connection<Stream>::read_chunked_body(std::uint64_t limit) {
  ChunkedDecoder decoder(limit);
  chunked_body_.clear();
  std::size_t taken = 0;  // of what follows the head in the inbox
  while (true) {
    while (!decoder.complete() && unread().size() > head_size_ + taken) {
      auto step = decoder.next(unread().substr(head_size_ + taken));
      if (!step) {
        co_return fail(step.error());
      }
      taken += step->taken;
      chunked_body_.append(step->data);
    }
    if (decoder.complete()) {
      break;
    }
    if (!receiving_) {
      // Everything behind the head has been taken: receive over it again.
      end_ = begin_ + head_size_;
      taken = 0;
      if (room() == 0) {
        // The head fills the inbox; its views move with it.
        make_room();
        auto parsed = parse_head(unread().substr(0, head_size_), head_);
        if (!parsed) {
          co_return fail(parsed.error());
        }
      }
    }
    const std::size_t before = end_;
    co_await receive();
    body_progress_ += end_ - before;
    if (gone_ || timed_out_) {
      co_return fail(body_interrupted());
    }
  }
  body_in_inbox_ = taken;
  chunked_body_.reserve(chunked_body_.size() + kBodyPadding);
  head_.request.body = chunked_body_;
  co_return Result<void>{};
}

}  // namespace headgate::edge
