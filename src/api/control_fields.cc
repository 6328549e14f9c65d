#include "api/control_fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/encoding.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

constexpr std::string_view kPrefer = "Prefer";
constexpr std::string_view kCacheControl = "Cache-Control";
constexpr std::array<std::string_view, 11> kOnce = {
    "X-Priority",         "Idempotency-Key",     "X-Webhook-URL", "X-Headgate-Cache",
    "X-Request-Timeout",  "X-Client-ID",         "Content-Type",  "X-Resolution",
    "X-Job-Start-Within", "X-Job-Finish-Within", "Last-Event-ID"};

/// A bit for each length that one of the names has: most fields are told apart by that.
constexpr std::uint32_t lengths() {
  std::uint32_t bits = 1U << kPrefer.size() | 1U << kCacheControl.size();
  for (const std::string_view name : kOnce) {
    bits |= 1U << name.size();
  }
  return bits;
}
constexpr std::uint32_t kLengths = lengths();

/// RFC 9111 §5.2.1, of one field among several maybe: `directive [ "=" value ]`, with commas
/// between.
void take_cache_control(std::string_view list, model::CacheWish& wish) {
  using Use = model::CacheWish::Use;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view directive = trim_blanks(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (ascii_equal_ignore_case(directive, "no-store")) {
      wish.use = Use::None;
    } else if (wish.use == Use::Full && (ascii_equal_ignore_case(directive, "no-cache") ||
                                         ascii_equal_ignore_case(directive, "max-age=0"))) {
      wish.use = Use::Fresh;
    }
  }
}

}  // namespace

Result<ControlFields> read_control_fields(const edge::Request& request) {
  ControlFields found;
  std::uint32_t seen = 0;
  for (const edge::Field& field : request.fields) {
    const std::size_t length = field.name.size();
    if (length >= 32 || (kLengths >> length & 1U) == 0) {
      continue;
    }
    found.prefers = found.prefers || ascii_equal_ignore_case(field.name, kPrefer);
    if (ascii_equal_ignore_case(field.name, kCacheControl)) {
      take_cache_control(field.value, found.cache);
    }
    for (std::size_t i = 0; i < kOnce.size(); ++i) {
      if (kOnce[i].size() != length || !ascii_equal_ignore_case(field.name, kOnce[i])) {
        continue;
      }
      if ((seen >> i & 1U) != 0) {
        const std::string name(kOnce[i]);
        return fail(invalid_request(name + " is given more than once.", name));
      }
      seen |= 1U << i;
      switch (i) {
        case 0:
          found.priority = field.value;
          break;
        case 1:
          found.idempotency_key = field.value;
          break;
        case 2:
          found.webhook_url = field.value;
          break;
        case 3:
          if (!ascii_equal_ignore_case(field.value, "all")) {
            return fail(invalid_request("X-Headgate-Cache can only be all.", "X-Headgate-Cache"));
          }
          found.cache.any = true;
          break;
        case 4:
          found.request_timeout = field.value;
          break;
        default:
          break;
      }
    }
  }
  return found;
}

}  // namespace headgate::api
