#include "edge/tls_context.h"

#include <cstring>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace headgate::edge {
namespace {

namespace ssl = boost::asio::ssl;

/// Picks http/1.1 if the client offers it; a client that offers only others gets no ALPN answer.
int choose_http_1_1(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  constexpr std::string_view kProtocol = "http/1.1";
  for (unsigned int at = 0; at < offered_length; at += 1U + offered[at]) {
    const unsigned int length = offered[at];
    if (at + 1 + length <= offered_length && length == kProtocol.size() &&
        std::memcmp(offered + at + 1, kProtocol.data(), length) == 0) {
      *out = offered + at + 1;
      *out_length = static_cast<unsigned char>(length);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> load_tls_context(const config::TlsSettings& settings) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code ec;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | ssl::context::no_sslv3 |
                           ssl::context::no_compression,
                       ec);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_http_1_1, nullptr);
  const auto failed = [&](const std::string& option, const std::string& file) {
    return fail(invalid_request(option + ": cannot use " + file + ": " + ec.message(), option));
  };
  context->use_certificate_chain_file(settings.cert, ec);
  if (ec) {
    return failed("server.tls.cert", settings.cert);
  }
  context->use_private_key_file(settings.key, ssl::context::pem, ec);
  if (ec) {
    return failed("server.tls.key", settings.key);
  }
  if (!settings.client_ca.empty()) {
    context->load_verify_file(settings.client_ca, ec);
    if (ec) {
      return failed("server.tls.client_ca", settings.client_ca);
    }
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, ec);
  }
  return context;
}

}  // namespace headgate::edge
