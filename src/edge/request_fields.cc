#include "edge/request_fields.h"

#include <algorithm>

#include "base/ids.h"

namespace headgate::edge {
namespace {

constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kMaxClientId = 128;
constexpr std::size_t kTraceparent = 55;

bool is_visible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

void take_request_fields(const Request& request, model::RequestContext& context) {
  for (const Field& field : request.fields) {
    switch (field.name.size()) {
      case 11:
        if (ascii_equal_ignore_case(field.name, "traceparent") &&
            field.value.size() == kTraceparent && is_visible(field.value)) {
          context.traceparent = field.value;
        } else if (ascii_equal_ignore_case(field.name, "x-client-id") &&
                   field.value.size() <= kMaxClientId && is_utf8(field.value)) {
          context.client_id = field.value;
        }
        break;
      case 12:
        if (ascii_equal_ignore_case(field.name, "x-request-id") && is_visible(field.value) &&
            field.value.size() <= kMaxRequestId) {
          context.request_id = field.value;
        }
        break;
      default:
        break;
    }
  }
  if (context.request_id.empty()) {
    append_uuid_v7(context.request_id);
  }
}

}  // namespace headgate::edge
