// The list of all dialects. A new one is a file with make_<name>_dialect() and a line here.
#include <stdexcept>

#include "dialects/anthropic.h"
#include "dialects/dialect.h"
#include "dialects/openai_chat.h"
#include "dialects/responses.h"

namespace headgate::dialects {

#define HEADGATE_DIALECTS(X) \
  X(OpenAi, openai_chat)     \
  X(Responses, responses)    \
  X(Anthropic, anthropic)

const Dialect& dialect_for(model::Dialect dialect) {
#define HEADGATE_MATCH(value, name)                                           \
  if (dialect == model::Dialect::value) {                                     \
    static const std::unique_ptr<Dialect> kDialect = make_##name##_dialect(); \
    return *kDialect;                                                         \
  }
  HEADGATE_DIALECTS(HEADGATE_MATCH)
#undef HEADGATE_MATCH
  throw std::logic_error("no dialect of that number");
}

}  // namespace headgate::dialects
