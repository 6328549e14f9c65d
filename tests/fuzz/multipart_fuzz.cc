// Multipart bodies: parts must lie inside the body, in order.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "api/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto parts = headgate::api::parse_multipart("multipart/form-data; boundary=XX", body);
  if (!parts) {
    return 0;
  }
  const char* at = body.data();
  for (const auto& part : *parts) {
    if (part.data.data() < at || part.data.data() + part.data.size() > body.data() + body.size()) {
      std::abort();
    }
    at = part.data.data() + part.data.size();
  }
  return 0;
}
