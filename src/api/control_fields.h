#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::api {

/// The fields by which a client steers what happens to its request; views into the request.
struct ControlFields {
  std::optional<std::string_view> priority;         ///< X-Priority
  std::optional<std::string_view> idempotency_key;  ///< Idempotency-Key
  std::optional<std::string_view> webhook_url;      ///< X-Webhook-URL
  std::optional<std::string_view> request_timeout;  ///< X-Request-Timeout
  bool prefers = false;                             ///< there is a Prefer; see prefer.h
  model::CacheWish cache;                           ///< Cache-Control, X-Headgate-Cache
};

/// InvalidRequest names a field that is given twice although it can have one value only: these but
/// Cache-Control, X-Job-Start-Within, X-Job-Finish-Within, X-Client-ID, X-Resolution, Content-Type,
/// Last-Event-ID; or an X-Headgate-Cache that is not "all". Of Cache-Control only what asks for
/// less counts.
Result<ControlFields> read_control_fields(const edge::Request& request);

}  // namespace headgate::api
