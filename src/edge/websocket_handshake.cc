#include "edge/websocket_handshake.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

#include <openssl/evp.h>

#include "base/encoding.h"
#include "base/http_text.h"
#include "edge/cors.h"

namespace headgate::edge {
namespace {

constexpr std::size_t kKeyBytes = 16;

/// Whether any field of that name lists `token`.
bool lists_token(const Request& request, std::string_view name, std::string_view token) {
  for (const Field& field : request.fields) {
    if (!ascii_equal_ignore_case(field.name, name)) {
      continue;
    }
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (ascii_equal_ignore_case(trim_blanks(rest.substr(0, comma)), token)) {
        return true;
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

/// The value of a field that is there exactly once.
std::optional<std::string_view> only_field(const Request& request, std::string_view name) {
  std::optional<std::string_view> found;
  for (const Field& field : request.fields) {
    if (ascii_equal_ignore_case(field.name, name)) {
      if (found) {
        return std::nullopt;
      }
      found = field.value;
    }
  }
  return found;
}

/// Whether an origin ("https://host:port") names the host the request was sent to. The scheme is
/// not compared: TLS may end in front of us.
bool is_same_host(std::string_view origin, std::string_view host) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const auto without = [](std::string_view text, std::string_view port) {
    return text.ends_with(port) ? text.substr(0, text.size() - port.size()) : text;
  };
  for (const auto& [scheme, port] : {std::pair(kHttp, ":80"), std::pair(kHttps, ":443")}) {
    if (origin.starts_with(scheme)) {
      const std::string_view authority = without(origin.substr(scheme.size()), port);
      return !authority.empty() && ascii_equal_ignore_case(authority, without(host, port));
    }
  }
  return false;
}

UpgradeRefusal bad(std::string message) {
  return {.error = invalid_request(std::move(message)), .status = 400, .fields = {}};
}

UpgradeRefusal upgrade_required(std::string message, std::string_view more_fields) {
  Error error = invalid_request(std::move(message));
  error.code = "upgrade_required";
  return {.error = std::move(error),
          .status = 426,
          .fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n" + std::string(more_fields)};
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no SHA-1");
  }
  return base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::expected<std::string, UpgradeRefusal> check_upgrade(const Head& head,
                                                         const config::ServerSettings& settings) {
  const Request& request = head.request;
  const auto refuse = [](UpgradeRefusal refusal) { return std::unexpected(std::move(refusal)); };
  if (head.http_1_0 || !lists_token(request, "upgrade", "websocket")) {
    return refuse(upgrade_required(
        "This address speaks WebSocket only: send Upgrade: websocket with HTTP/1.1.", {}));
  }
  if (!lists_token(request, "connection", "upgrade")) {
    return refuse(upgrade_required("The Connection field must list: Upgrade", {}));
  }
  if (request.method != Method::Get) {
    return refuse(bad("A WebSocket handshake is a GET request."));
  }
  if (head.framing.kind != Framing::Kind::None) {
    return refuse(bad("A WebSocket handshake has no body."));
  }
  if (only_field(request, "sec-websocket-version") != "13") {
    return refuse(upgrade_required("Sec-WebSocket-Version must be given once, as 13.",
                                   "Sec-WebSocket-Version: 13\r\n"));
  }
  const auto key = only_field(request, "sec-websocket-key");
  const auto nonce = key ? decode_base64(*key) : std::nullopt;
  if (!nonce || nonce->size() != kKeyBytes) {
    return refuse(bad("Sec-WebSocket-Key must be given once: 16 bytes in base64."));
  }
  const bool has_origin = request.field("origin").has_value();
  const auto origin = only_field(request, "origin");
  if (has_origin &&
      !(origin && (is_same_host(*origin, request.host) || is_allowed_origin(*origin, settings)))) {
    return refuse({.error = forbidden("WebSockets from this Origin are not let in; see "
                                      "server.cors.allow_origins."),
                   .status = 403,
                   .fields = {}});
  }
  return websocket_accept(*key);
}

}  // namespace headgate::edge
