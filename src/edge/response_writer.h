#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text_buffer.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::edge {

/// How the body of an answer is framed.
enum class BodyFraming : std::uint8_t { None, Length, Chunked, UntilClose };

enum class ConnectionField : std::uint8_t { KeepAlive, KeepAlive10, Close };

/// Adds the head of `response` to `out`, from the status line to the empty line: framing, Date,
/// x-request-id, server-timing, `extra_fields` (whole lines) and the response's own fields.
void add_response_head(TextBuffer& out, const Response& response,
                       const model::RequestContext& context, BodyFraming framing,
                       std::uint64_t length, ConnectionField connection,
                       std::string_view extra_fields);

/// RFC 9110 reason phrase; "Status" for a code without one.
std::string_view reason_phrase(int status);

}  // namespace headgate::edge
