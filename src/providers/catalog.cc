// The list of all providers. A new one is a file with make_<name>() and a line here.
#include "providers/provider.h"

namespace headgate::providers {

#define HEADGATE_PROVIDERS(X) X(openai) X(anthropic) X(gemini) X(runpod) X(runpod_queue)

#define HEADGATE_DECLARE(name) std::unique_ptr<Provider> make_##name();
HEADGATE_PROVIDERS(HEADGATE_DECLARE)
#undef HEADGATE_DECLARE

const Provider* provider_for(std::string_view protocol) {
#define HEADGATE_MATCH(name)                                          \
  if (protocol == #name) {                                            \
    static const std::unique_ptr<Provider> kProvider = make_##name(); \
    return kProvider.get();                                           \
  }
  HEADGATE_PROVIDERS(HEADGATE_MATCH)
#undef HEADGATE_MATCH
  return nullptr;
}

}  // namespace headgate::providers
