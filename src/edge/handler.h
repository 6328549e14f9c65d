#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/http_text.h"
#include "base/result.h"
#include "base/task.h"
#include "model/request_context.h"

namespace headgate::edge {

enum class Method : std::uint8_t { Get, Head, Post, Put, Patch, Delete, Options, Other };

/// A header field as received: the name in the client's own case.
struct Field {
  std::string_view name;
  std::string_view value;  ///< without surrounding white space
};

/// Bytes after a request body that may be read (not written) past its end, as simdjson wants.
inline constexpr std::size_t kBodyPadding = 64;

/// One request. Every view points into the connection's buffers and lives until the answer is sent.
struct Request {
  Method method = Method::Get;
  std::string_view method_name;
  std::string_view path;   ///< as sent, not decoded; starts with '/'
  std::string_view query;  ///< after '?', may be empty
  std::string_view host;   ///< Host, or the authority of an absolute target
  std::span<const Field> fields;
  std::string_view body;  ///< complete; followed by kBodyPadding readable bytes
  bool tls = false;

  /// The value of the only field with this lower-case name; nullopt if absent. Of a repeated
  /// field, the first value.
  std::optional<std::string_view> field(std::string_view lower_case_name) const {
    for (const Field& candidate : fields) {
      if (ascii_equal_ignore_case(candidate.name, lower_case_name)) {
        return candidate.value;
      }
    }
    return std::nullopt;
  }
};

/// The bytes of an answer that are produced while it is sent. The edge asks for the next piece only
/// when the last one has been written, so a slow reader slows the source.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// The next bytes, empty at the proper end; valid until the next call. After an Error the
  /// connection is cut without a proper end, so that the answer cannot pass for complete.
  virtual Task<Result<std::string_view>> next() = 0;
  /// What next() would return, if that is here already; nullopt: await next(). Spares the usual
  /// answer, which arrives in one piece, its coroutines.
  virtual std::optional<Result<std::string_view>> at_hand() { return std::nullopt; }
};

/// The client of an open WebSocket (RFC 6455), as its session sees it. On the connection's loop
/// only. The edge answers pings and Close frames, and pings a client that is silent.
///
/// Once the client has left, broken the protocol or is told to go because the gateway stops, the
/// request's `cancel` has fired and both calls fail with ClientLeft. One sends and one receives at
/// a time.
class WebSocketPeer {
 public:
  virtual ~WebSocketPeer() = default;
  /// Sends one message of valid UTF-8; `text` lives until then. Returns when the system has taken
  /// it, so a slow reader slows the session.
  virtual Task<Result<void>> send_text(std::string_view text) = 0;
  /// The next text message, at most 64 KiB; nullopt at `until` or after wake(). What came before
  /// the end is still returned. Messages wait up to 256 KiB, then the client is cut off.
  virtual Task<Result<std::optional<std::string>>> receive_until(SteadyTime until) = 0;
  /// Makes the receive_until that waits, or else the next that would, return nullopt.
  virtual void wake() = 0;
  /// Closes with a code of RFC 6455 §7.4 and a reason in UTF-8 (beyond 123 bytes it is cut).
  /// Returns when the client has answered, or two seconds later.
  virtual Task<void> close(std::uint16_t code, std::string_view reason) = 0;
};

/// What serves one WebSocket. When run() returns, the edge closes with 1000 if nobody has before.
class WebSocketSession {
 public:
  virtual ~WebSocketSession() = default;
  virtual Task<void> run(WebSocketPeer& peer) = 0;
};

/// An answer. Framing, Date, x-request-id, server-timing and CORS fields are the edge's work.
struct Response {
  int status = 200;
  std::string_view content_type =
      "application/json";  ///< static, or `fields` names it and this is empty
  std::string fields;      ///< further header lines, each "name: value\r\n"; use add_field
  std::string body;
  std::unique_ptr<BodyStream> stream;          ///< if set, sent instead of `body`
  std::optional<std::uint64_t> stream_length;  ///< known length of `stream`; else chunked
  /// If set, the answer is 101 and then this session; of the rest only `fields` is used. A request
  /// that is no WebSocket handshake, or of an origin that is not let in, is refused instead. The
  /// request and its context live until the session is over, which is when finished() hears of it.
  std::unique_ptr<WebSocketSession> websocket;

  /// The Content-Type, wherever it is said.
  std::string_view media_type() const {
    constexpr std::string_view kName = "Content-Type: ";
    const std::size_t at = fields.find(kName);
    if (!content_type.empty() || at == std::string::npos) {
      return content_type;
    }
    const std::size_t begin = at + kName.size();
    return std::string_view(fields).substr(begin, fields.find("\r\n", begin) - begin);
  }

  /// Appends a header. Control characters in `value` are dropped, so no value can add a line.
  void add_field(std::string_view name, std::string_view value) {
    fields.append(name).append(": ");
    if (is_field_value(value)) {
      fields.append(value);
    } else {
      std::ranges::copy_if(value, std::back_inserter(fields), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
      });
    }
    fields.append("\r\n");
  }
};

/// How much body the edge may read for a request it has let in.
struct BodyPolicy {
  std::uint64_t max_bytes = 0;
};

/// What stands behind the edge. One instance serves all event loops: `const` and thread safe.
class Handler {
 public:
  virtual ~Handler() = default;

  /// Called when the head is complete, before any of the body is read: find the route, check the
  /// credentials, set the body limit, or answer at once. Must not block.
  virtual std::expected<BodyPolicy, Response> admit(const Request& head,
                                                    model::RequestContext& context) const = 0;

  /// Answers an admitted request whose body is complete.
  virtual Task<Response> handle(const Request& request, model::RequestContext& context) const = 0;

  /// The answer to a request the edge itself refuses (malformed, too large, too slow). `head` is
  /// null when it could not be parsed.
  virtual Response refuse(const Error& error, const Request* head,
                          model::RequestContext& context) const = 0;

  /// Called once for each request, after its answer was sent or given up. `status` is 499 if the
  /// client left first; `bytes_out` counts the answer's body.
  virtual void finished(const Request* head, int status, std::uint64_t bytes_out,
                        model::RequestContext& context) const = 0;
};

}  // namespace headgate::edge
