#include "upstream/connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});
constexpr std::size_t kFirstBuffer = 16 << 10;
constexpr std::size_t kLargestBuffer = 256 << 10;
constexpr std::size_t kMaxPieces = 16;

asio::ip::tcp::endpoint to_endpoint(const IpAddress& address, std::uint16_t port) {
  if (address.family == IpAddress::Family::V4) {
    asio::ip::address_v4::bytes_type bytes{};
    std::copy_n(address.bytes.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4(bytes), port};
  }
  asio::ip::address_v6::bytes_type bytes{};
  std::copy_n(address.bytes.begin(), bytes.size(), bytes.begin());
  return {asio::ip::address_v6(bytes, address.scope), port};
}

}  // namespace

Connection::Connection(EventLoop& loop, std::shared_ptr<BufferPool> buffers)
    : loop_(loop), buffers_(std::move(buffers)), socket_(loop.executor()) {}

Connection::~Connection() = default;

void Connection::close() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::rest() {
  if (!receiving_ && begin_ == end_) {
    buffer_.release();
    begin_ = end_ = 0;
    grow_ = false;
  }
}

void Connection::arm_until(SteadyTime when) {
  if (when == SteadyTime::max()) {
    disarm();
  } else {
    loop_.arm(*this, when);
  }
}

void Connection::on_deadline() {
  if (std::chrono::steady_clock::now() >= limit_) {
    timed_out_ = true;
    close();
    return;
  }
  wake();  // only patience has run out
}

void Connection::on_cancel() {
  cancelled_ = true;
  close();
}

void Connection::wake() {
  if (waiter_) {
    auto ready = std::move(*waiter_);
    waiter_.reset();
    std::move(ready)();
  }
}

Task<Result<void>> Connection::connect(const std::vector<IpAddress>& addresses, std::uint16_t port,
                                       SteadyTime until) {
  std::string why;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (cancelled_) {
      break;
    }
    if (now >= until) {
      co_return fail(failure(FailurePhase::ConnectTimeout, why));
    }
    closed_ = timed_out_ = false;
    limit_ = now + (until - now) / static_cast<int>(addresses.size() - i);
    arm_until(limit_);
    const auto endpoint = to_endpoint(addresses[i], port);
    auto [ec] = co_await socket_.async_connect(endpoint, kAwait);
    disarm();
    if (!ec && !closed_) {
      // Connecting has made the reactor watch for writability, which every answer would report
      // again; a socket given to it anew is watched for reading only.
      const auto handle = socket_.release(ec);
      if (!ec) {
        socket_.assign(endpoint.protocol(), handle, ec);
        if (ec) {
          ::close(handle);  // nobody else has it
        }
      }
    }
    if (!ec && !closed_) {
      boost::system::error_code ignored;
      socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
      socket_.non_blocking(true, ignored);
      co_return Result<void>{};
    }
    why = timed_out_ ? "no answer" : ec.message();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  if (cancelled_) {
    co_return fail(client_left());
  }
  co_return fail(failure(timed_out_ ? FailurePhase::ConnectTimeout : FailurePhase::Connect, why));
}

Task<Result<void>> Connection::start_tls(asio::ssl::context& context, const std::string& host,
                                         SteadyTime until) {
  tls_ = std::make_unique<TlsStream>(socket_, context);
  if (!parse_address(host) && SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str()) != 1) {
    co_return fail(failure(FailurePhase::Tls, "cannot set the server name"));
  }
  boost::system::error_code ec;
  tls_->set_verify_mode(asio::ssl::verify_peer, ec);
  tls_->set_verify_callback(asio::ssl::host_name_verification(host), ec);
  limit_ = until;
  arm_until(until);
  auto [failed] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kAwait);
  disarm();
  if (cancelled_) {
    co_return fail(client_left());
  }
  if (failed) {
    co_return fail(
        failure(timed_out_ ? FailurePhase::ConnectTimeout : FailurePhase::Tls, failed.message()));
  }
  co_return Result<void>{};
}

Task<boost::system::error_code> Connection::wait_writable() {
  auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_write, kAwait);
  co_return ec;
}

Task<Connection::Sent> Connection::send(std::span<const std::string_view> pieces,
                                        std::chrono::milliseconds stall, SteadyTime deadline) {
  const auto next_limit = [&] {
    limit_ = std::min(deadline, std::chrono::steady_clock::now() + stall);
    arm_until(limit_);
  };
  if (tls_) {
    std::vector<asio::const_buffer> buffers;
    for (const std::string_view piece : pieces) {
      buffers.emplace_back(piece.data(), piece.size());
    }
    next_limit();
    for (asio::const_buffer left : buffers) {
      while (left.size() > 0) {
        auto [ec, n] = co_await tls_->async_write_some(left, kAwait);
        // The pieces may be gone once the connection is closed.
        if (ec || closed_) {
          disarm();
          co_return timed_out_ ? Sent::TimedOut : Sent::Broken;
        }
        left += n;
      }
    }
    disarm();
    co_return Sent::All;
  }
  std::array<iovec, kMaxPieces> vectors{};
  std::size_t count = 0;
  for (const std::string_view piece : pieces) {
    if (!piece.empty() && count < kMaxPieces) {
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): sendmsg only reads
      vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
    }
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  while (message.msg_iovlen > 0) {
    ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      next_limit();
      const auto ec = co_await wait_writable();
      disarm();
      if (ec) {
        co_return timed_out_ ? Sent::TimedOut : Sent::Broken;
      }
      continue;
    }
    if (sent < 0) {
      co_return Sent::Broken;
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
  co_return Sent::All;
}

void Connection::make_room() {
  const std::size_t have = end_ - begin_;
  if (buffer_.empty()) {
    buffer_ = buffers_->take(kFirstBuffer);
  } else if (end_ == buffer_.size() || grow_) {
    const bool larger = begin_ == 0 || grow_;
    if (larger && (buffer_.size() < kLargestBuffer || have == buffer_.size())) {
      Buffer bigger = buffers_->take(buffer_.size() * 2);
      std::memcpy(bigger.data(), buffer_.data() + begin_, have);
      buffer_ = std::move(bigger);
    } else {
      std::memmove(buffer_.data(), buffer_.data() + begin_, have);
    }
  } else if (have > 0) {
    return;
  }
  grow_ = false;
  begin_ = 0;
  end_ = have;
}

void Connection::start_receive() {
  make_room();
  receiving_ = true;
  Received handler{shared_from_this()};
  const auto room = asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
  if (tls_) {
    tls_->async_read_some(room, std::move(handler));
  } else {
    socket_.async_read_some(room, std::move(handler));
  }
}

void Connection::received(boost::system::error_code ec, std::size_t n) {
  receiving_ = false;
  end_ += n;
  grow_ = end_ == buffer_.size() && n >= kFirstBuffer / 2;
  if (ec) {
    closed_ = true;
    ended_cleanly_ = ec == asio::error::eof;
  }
  wake();
}

Task<Connection::Woken> Connection::receive(SteadyTime patience, SteadyTime limit) {
  if (!receiving_ && !closed_) {
    start_receive();
  }
  if (receiving_) {
    limit_ = limit;
    timed_out_ = false;
    arm_until(std::min(patience, limit));
    const std::size_t before = end_;
    co_await asio::async_initiate<const WaitToken, void()>(
        [this](auto handler) { waiter_.emplace(std::move(handler)); }, WaitToken{});
    disarm();
    if (end_ > before) {
      co_return Woken::Bytes;
    }
    if (receiving_) {
      co_return Woken::Patience;
    }
  }
  co_return timed_out_ ? Woken::TimedOut : Woken::Closed;
}

bool Connection::reusable(Check check) {
  if (closed_ || receiving_ || cancelled_ || end_ > begin_) {
    return false;
  }
  if (check == Check::Cheap) {
    return true;
  }
  char byte = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace headgate::upstream
