#include "api/negotiation.h"

#include <algorithm>

namespace headgate::api {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// What stands before the first `divider`, trimmed; `rest` becomes what follows it.
std::string_view cut(std::string_view& rest, char divider) {
  const std::size_t end = std::min(rest.find(divider), rest.size());
  const std::string_view part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

/// "q=0", "q=0.0", ...: zero in every digit.
bool is_weight_zero(std::string_view parameter) {
  return parameter.size() > 2 && ascii_equal_ignore_case(parameter.substr(0, 2), "q=") &&
         parameter.find_first_not_of("0.", 2) == std::string_view::npos;
}

}  // namespace

bool not_modified(const edge::Request& request, std::string_view etag) {
  std::string_view rest = request.field("if-none-match").value_or("");
  while (!rest.empty()) {
    const std::string_view tag = cut(rest, ',');
    if (tag == "*" || tag == etag || (tag.starts_with("W/") && tag.substr(2) == etag)) {
      return true;
    }
  }
  return false;
}

bool accepts_gzip(const edge::Request& request) {
  std::string_view rest = request.field("accept-encoding").value_or("");
  bool star = false;
  while (!rest.empty()) {
    std::string_view one = cut(rest, ',');
    const std::string_view coding = cut(one, ';');
    const bool accepted = !is_weight_zero(trim(one));
    if (ascii_equal_ignore_case(coding, "gzip")) {
      return accepted;
    }
    star = star || (coding == "*" && accepted);
  }
  return star;
}

}  // namespace headgate::api
