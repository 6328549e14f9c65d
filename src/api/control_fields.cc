#include "api/control_fields.h"

#include <array>
#include <cstdint>
#include <string>

#include "base/encoding.h"

namespace headgate::api {
namespace {

constexpr std::string_view kPrefer = "Prefer";
constexpr std::array<std::string_view, 10> kOnce = {
    "X-Priority",         "Idempotency-Key",    "X-Webhook-URL", "X-Request-Timeout",
    "X-Client-ID",        "Content-Type",       "X-Resolution",  "Last-Event-ID",
    "X-Job-Start-Within", "X-Job-Finish-Within"};

/// A bit for each length that one of the names has: most fields are told apart by that.
constexpr std::uint32_t lengths() {
  std::uint32_t bits = 1U << kPrefer.size();
  for (const std::string_view name : kOnce) {
    bits |= 1U << name.size();
  }
  return bits;
}
constexpr std::uint32_t kLengths = lengths();

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
