#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include <openssl/ssl.h>

namespace headgate::sim {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;

/// Reads a PEM chain and key. A string is the error.
std::variant<TlsContext, std::string> load_tls(const std::string& certificate,
                                               const std::string& key);

/// What a read or write did.
struct Transfer {
  enum class Kind : unsigned char { Done, Wait, Ended };
  Kind kind = Kind::Wait;
  std::size_t size = 0;  ///< of Kind::Done
};

/// One accepted socket, with TLS or without. Never blocks.
class Transport {
 public:
  /// Owns `socket`. `tls` may be null and outlives the transport.
  Transport(int socket, SSL_CTX* tls);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  /// Closes the socket: FIN, unless reset_on_close() was called.
  ~Transport();

  Transfer read(std::span<char> into);
  /// Writes from the front of `first` and `second` together.
  Transfer write(std::string_view first, std::string_view second);
  /// Bytes are readable without the socket becoming readable.
  bool buffered() const { return session_ && SSL_pending(session_.get()) > 0; }
  void reset_on_close();
  /// The name the client asked for; empty without TLS.
  std::string_view server_name() const;
  int socket() const { return socket_; }

 private:
  int socket_;
  bool reset_ = false;
  std::unique_ptr<SSL, FreeSession> session_;
};

}  // namespace headgate::sim
