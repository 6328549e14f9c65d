#include "edge/request_fields.h"

#include <algorithm>
#include <optional>

#include "base/ids.h"

namespace headgate::edge {
namespace {

constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kMaxClientId = 128;
constexpr std::size_t kTraceparent = 55;

/// A field that counts if it stands there once, or each time with the same value: of two that
/// differ nobody knows which one the other parties go by.
class Single final {
 public:
  void add(std::string_view value) {
    differs_ = differs_ || (value_ && *value_ != value);
    value_ = value;
  }
  std::optional<std::string_view> value() const { return differs_ ? std::nullopt : value_; }

 private:
  std::optional<std::string_view> value_;
  bool differs_ = false;
};

bool is_visible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

void take_request_fields(const Request& request, model::RequestContext& context) {
  Single traceparent;
  Single request_id;
  for (const Field& field : request.fields) {
    switch (field.name.size()) {
      case 11:
        if (ascii_equal_ignore_case(field.name, "traceparent")) {
          traceparent.add(field.value);
        } else if (ascii_equal_ignore_case(field.name, "x-client-id") &&
                   field.value.size() <= kMaxClientId && is_utf8(field.value)) {
          context.client_id = field.value;
        }
        break;
      case 12:
        if (ascii_equal_ignore_case(field.name, "x-request-id")) {
          request_id.add(field.value);
        }
        break;
      default:
        break;
    }
  }
  const auto trace = traceparent.value();
  if (trace && trace->size() == kTraceparent && is_visible(*trace)) {
    context.traceparent = *trace;
  }
  const auto id = request_id.value();
  if (id && is_visible(*id) && id->size() <= kMaxRequestId) {
    context.request_id = *id;
  } else {
    append_uuid_v7(context.request_id);
  }
}

}  // namespace headgate::edge
