#include "dispatch/prefixes.h"

#include <cstddef>
#include <string_view>

namespace headgate::dispatch {

void add_prefixes(const model::InferenceRequest& request, routing::PrefixHasher& prefixes) {
  // The elements of a JSON array that is known to be valid, by their brackets.
  const std::string_view text = request.messages;
  if (!text.starts_with('[')) {
    prefixes.add("", text);
    return;
  }
  std::size_t depth = 0;
  std::size_t begin = 1;
  bool in_string = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ',' || c == ']') && depth == 0) {
      prefixes.add("", text.substr(begin, i - begin));
      begin = i + 1;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

}  // namespace headgate::dispatch
