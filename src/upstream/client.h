#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "upstream/proxy.h"
#include "upstream/resolver.h"
#include "upstream/response_head.h"
#include "upstream/url.h"

namespace headgate::upstream {

struct ClientSettings {
  std::size_t max_idle_per_origin = 256;
  std::chrono::milliseconds max_idle_time{55'000};  ///< below the 60 s that servers commonly wait
  std::chrono::milliseconds sweep_every{5'000};     ///< between looks for idle connections to close
  std::string extra_ca_file;  ///< PEM, trusted beside the system's; empty: none
  ProxySettings proxy;        ///< see proxy_from_environment
};

struct Timeouts {
  std::chrono::milliseconds connect{2'000};  ///< name, TCP and TLS together
  std::chrono::milliseconds first_byte{
      30'000};                              ///< from the request's last byte to the response head
  std::chrono::milliseconds idle{30'000};   ///< silence inside a body, in either direction
  SteadyTime deadline = SteadyTime::max();  ///< of the whole exchange
};

/// Most pieces that a body may come in.
inline constexpr std::size_t kMaxBodyPieces = 12;

/// One request to send. Everything it borrows outlives the exchange.
/// What is done about pooled connections that turn out to have been closed: the server may have
/// seen the request, though it rarely has.
enum class WhenStale : std::uint8_t {
  SendAgain,  ///< once more, on a fresh connection
  Fail,
  Avoid,  ///< the request goes out on a fresh connection from the start
};

struct OutgoingRequest {
  const Origin* origin = nullptr;
  std::string_view method = "POST";
  std::string_view base_path;              ///< what `target` is appended to, or empty
  std::string_view target;                 ///< path and query
  std::string_view fields;                 ///< whole lines; Host and framing are added here
  std::string_view more_fields;            ///< further lines, e.g. credentials
  std::string_view trace_fields;           ///< further lines
  std::span<const std::string_view> body;  ///< sent as they are, one after the other
  Timeouts timeouts;
  WhenStale when_stale = WhenStale::SendAgain;
  CancelSource* cancel = nullptr;  ///< ends the exchange with ClientLeft at once
  /// Dial this address and no other instead of resolving the origin's name; a proxy is asked for a
  /// tunnel to it. Such a connection serves one exchange and never comes from the pool.
  std::optional<IpAddress> connect_to;
};

/// One request and its response. Destroying it before the end closes the connection; a connection
/// that came to a clean end goes back to the pool.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Waits for the response head, at most until `patience`: false if it is not there yet (ask
  /// again). A failure says its phase (failure_phase). Interim responses are skipped.
  virtual Task<Result<bool>> await_head(SteadyTime patience = SteadyTime::max()) = 0;
  /// The head, once await_head has said true.
  virtual const ResponseHead& head() const = 0;

  /// The next bytes of the body as they arrive, without framing; empty at its proper end. Valid
  /// until the next call. nullopt if there were none until `patience` (ask again).
  virtual Task<Result<std::optional<std::string_view>>> read(
      SteadyTime patience = SteadyTime::max()) = 0;
  /// The same without waiting: nullopt if none are here.
  virtual Result<std::optional<std::string_view>> take() = 0;
};

struct ClientStats {
  std::uint64_t opened = 0;
  std::uint64_t reused = 0;
  std::uint64_t retried = 0;        ///< pooled connections that turned out closed
  std::uint64_t dirty = 0;          ///< closed because their exchange had no clean end
  std::uint64_t surplus_bytes = 0;  ///< received after a response's end
  std::uint64_t idle = 0;
};

/// HTTP/1.1 client of one event loop with its pools; used on that loop only.
class Client final {
 public:
  /// Borrows both. Throws std::runtime_error if the extra CA file cannot be read.
  Client(EventLoop& loop, Resolver& resolver, ClientSettings settings);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// An exchange that connects and sends when first awaited. Outlived by this client.
  std::unique_ptr<Exchange> start(const OutgoingRequest& request);

  /// Frees buffers that are not in use.
  void trim();
  /// Closes all idle connections.
  void close_idle();
  /// Any thread.
  ClientStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::upstream
