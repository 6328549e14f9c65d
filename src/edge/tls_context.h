#pragma once

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "base/result.h"
#include "config/settings.h"

namespace headgate::edge {

/// A server context for TLS 1.2 and 1.3 with the files of `settings`; client certificates are
/// required if client_ca is set. Fails with the file and OpenSSL's reason. Shared: connections keep
/// the context they started with when a reload replaces it.
Result<std::shared_ptr<boost::asio::ssl::context>> load_tls_context(
    const config::TlsSettings& settings);

}  // namespace headgate::edge
