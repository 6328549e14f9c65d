#pragma once

// One connection to a server. Internal to upstream/: Asio stays in here.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/buffer_pool.h"
#include "base/cancel.h"
#include "base/deadline_list.h"
#include "base/event_loop.h"
#include "base/recycler.h"
#include "base/result.h"
#include "upstream/address.h"
#include "upstream/response_head.h"
#include "upstream/url.h"

namespace headgate::upstream {

namespace asio = boost::asio;

/// A socket, plain or TLS, with a receive buffer. Whoever waits on it waits with a time limit;
/// closing it ends every wait. One coroutine at a time.
///
/// Shared by its exchange (or the pool) and by a receive that is still being aborted after close().
class Connection final : public std::enable_shared_from_this<Connection>,
                         private Deadline,
                         private CancelHook {
 public:
  using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

  Connection(EventLoop& loop, std::shared_ptr<BufferPool> buffers);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Connects to the first of `addresses` that answers, each with its share of the time left. A
  /// failure of phase Connect or ConnectTimeout.
  Task<Result<void>> connect(const std::vector<IpAddress>& addresses, std::uint16_t port,
                             SteadyTime until);
  /// TLS on top, with SNI and verification of `host`. A failure of phase Tls or ConnectTimeout.
  Task<Result<void>> start_tls(asio::ssl::context& context, const std::string& host,
                               SteadyTime until);

  enum class Sent : std::uint8_t { All, Broken, TimedOut };
  /// Sends the pieces in order, in one system call if the socket takes them. `stall` limits each
  /// wait.
  Task<Sent> send(std::span<const std::string_view> pieces, std::chrono::milliseconds stall,
                  SteadyTime deadline);

  enum class Woken : std::uint8_t { Bytes, Patience, Closed, TimedOut };
  /// Waits for more bytes: at most until `patience` (nothing is lost then) or `limit` (the
  /// connection is closed then).
  Task<Woken> receive(SteadyTime patience, SteadyTime limit);

  /// Received and not yet consumed; moved by receive().
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }
  char* unread_data() { return buffer_.data() + begin_; }
  void consume(std::size_t bytes) { begin_ += bytes; }

  /// Closes the connection when `source` is cancelled; until let_go().
  void hold(CancelSource& source) { source.attach(*this); }
  void let_go() { detach(); }
  bool cancelled() const { return cancelled_; }

  void close();
  /// Gives the receive buffer back until the next receive; for a connection that goes idle.
  void rest();
  /// Open, nothing buffered, nothing pending; asks the system only if `check` says so.
  enum class Check : std::uint8_t { Cheap, Thorough };
  bool reusable(Check check);
  /// Whether the end of the stream was a proper one (FIN, and close_notify under TLS).
  bool ended_cleanly() const { return ended_cleanly_; }

  ResponseHead head;     ///< of the exchange under way; kept here so that it is allocated once
  std::string outgoing;  ///< the request's head, kept for its capacity
  SteadyTime idle_since{};

 private:
  using TlsStream = asio::ssl::stream<Socket&>;
  using WaitToken = asio::use_awaitable_t<Executor>;
  using Waiter = asio::async_result<WaitToken, void()>::handler_type;

  /// Completes a receive; keeps the connection until then.
  struct Received {
    std::shared_ptr<Connection> connection;

    using allocator_type = RecyclingAllocator<void>;
    allocator_type get_allocator() const { return {}; }
    void operator()(boost::system::error_code ec, std::size_t n) { connection->received(ec, n); }
  };

  void on_deadline() override;
  void on_cancel() override;
  void arm_until(SteadyTime when);
  void start_receive();
  void received(boost::system::error_code ec, std::size_t n);
  void make_room();
  void wake();
  Task<boost::system::error_code> wait_writable();

  EventLoop& loop_;
  // Shared with the client: a receive that is being aborted may outlive it.
  std::shared_ptr<BufferPool> buffers_;
  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
  Buffer buffer_;  // unread bytes are [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::optional<Waiter> waiter_;
  SteadyTime limit_ = SteadyTime::max();
  bool receiving_ = false;
  bool grow_ = false;  // the last receive filled the buffer
  bool closed_ = false;
  bool timed_out_ = false;
  bool cancelled_ = false;
  bool ended_cleanly_ = false;
};

}  // namespace headgate::upstream
