// Any text may be given as a configuration file: it is refused or loads, and what loads can be
// printed without its secrets.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"
#include "config/print.h"
#include "config/yaml_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LoadRequest request;
  request.environment = {{"NAME", "value"}, {"LOG_LEVEL", "INFO"}};
  const auto loaded = load_text(text, "fuzz", request);
  if (!loaded) {
    return loaded.error().message.empty() ? std::abort(), 0 : 0;
  }
  if (!read_yaml(to_yaml(loaded->settings), "printed")) {
    std::abort();
  }
  return 0;
}
