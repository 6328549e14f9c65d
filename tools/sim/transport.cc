#include "sim/transport.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace headgate::sim {
namespace {

Transfer of_result(ssize_t result) {
  if (result > 0) {
    return {Transfer::Kind::Done, static_cast<std::size_t>(result)};
  }
  bool wait = result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return {wait ? Transfer::Kind::Wait : Transfer::Kind::Ended, 0};
}

Transfer of_session(SSL* session, int result, std::size_t size) {
  if (result > 0) {
    return {Transfer::Kind::Done, size};
  }
  int error = SSL_get_error(session, result);
  ERR_clear_error();
  bool wait = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  return {wait ? Transfer::Kind::Wait : Transfer::Kind::Ended, 0};
}

}  // namespace

std::variant<TlsContext, std::string> load_tls(const std::string& certificate,
                                               const std::string& key) {
  TlsContext context(SSL_CTX_new(TLS_server_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return std::string("cannot set TLS up");
  }
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1) {
    return "cannot read the certificate " + certificate;
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return "cannot use the key " + key;
  }
  return context;
}

Transport::Transport(int socket, SSL_CTX* tls) : socket_(socket) {
  if (tls) {
    session_.reset(SSL_new(tls));
    SSL_set_fd(session_.get(), socket_);
    SSL_set_accept_state(session_.get());
  }
}

Transport::~Transport() {
  if (reset_) {
    linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ::close(socket_);
}

Transfer Transport::read(std::span<char> into) {
  if (!session_) {
    return of_result(::recv(socket_, into.data(), into.size(), 0));
  }
  std::size_t size = 0;
  int result = SSL_read_ex(session_.get(), into.data(), into.size(), &size);
  return of_session(session_.get(), result, size);
}

Transfer Transport::write(std::string_view first, std::string_view second) {
  if (session_) {
    std::string_view piece = first.empty() ? second : first;
    std::size_t size = 0;
    int result = SSL_write_ex(session_.get(), piece.data(), piece.size(), &size);
    return of_session(session_.get(), result, size);
  }
  std::array<iovec, 2> pieces = {
      iovec{const_cast<char*>(first.data()), first.size()},
      iovec{const_cast<char*>(second.data()), second.size()},
  };
  std::size_t skip = first.empty() ? 1 : 0;
  msghdr message{};
  message.msg_iov = pieces.data() + skip;
  message.msg_iovlen = second.empty() ? 1 : pieces.size() - skip;
  return of_result(::sendmsg(socket_, &message, MSG_NOSIGNAL));
}

void Transport::reset_on_close() { reset_ = true; }

std::string_view Transport::server_name() const {
  const char* name =
      session_ ? SSL_get_servername(session_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return name ? std::string_view(name) : std::string_view();
}

}  // namespace headgate::sim
