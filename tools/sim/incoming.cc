#include "sim/incoming.h"

#include <algorithm>
#include <utility>

#include "sim/encoding.h"
#include "sim/text.h"

namespace headgate::sim {

std::string_view Incoming::field(std::string_view name) const {
  std::string_view rest = fields;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find("\r\n"), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
      line.remove_prefix(colon + 1);
      while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {
        line.remove_prefix(1);
      }
      while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) {
        line.remove_suffix(1);
      }
      return line;
    }
  }
  return {};
}

std::optional<std::string> Incoming::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find('&'), rest.size());
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) {
      return percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    }
  }
  return std::nullopt;
}

Answer plain_answer(Reply reply) { return {.behaviour = {}, .reply = std::move(reply)}; }

Answer refusal(Protocol protocol, const Failure& failure) {
  return plain_answer(error_reply(protocol, Behaviour{}, failure));
}

}  // namespace headgate::sim
