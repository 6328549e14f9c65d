#include <algorithm>

#include "sim/media.h"
#include "sim/text.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxFields = 64;

/// The value of `name="…"` or `name=…` in a header's value.
std::string_view attribute(std::string_view value, std::string_view name) {
  std::size_t at = 0;
  while ((at = value.find(name, at)) != std::string_view::npos) {
    bool starts = at > 0 && (value[at - 1] == ' ' || value[at - 1] == ';');
    std::string_view rest = value.substr(at + name.size());
    at += name.size();
    if (!starts || !rest.starts_with("=")) {
      continue;
    }
    rest.remove_prefix(1);
    if (rest.starts_with("\"")) {
      rest.remove_prefix(1);
      return rest.substr(0, rest.find('"'));
    }
    return rest.substr(0, rest.find_first_of("; \r"));
  }
  return {};
}

}  // namespace

std::vector<FormField> read_form(std::string_view content_type, std::string_view body) {
  std::vector<FormField> fields;
  std::string_view boundary = attribute(content_type, "boundary");
  if (!content_type.starts_with("multipart/form-data") || boundary.empty()) {
    return fields;
  }
  std::string mark = "--" + std::string(boundary);
  std::string between = "\r\n" + mark;
  if (!body.starts_with(mark)) {
    return fields;
  }
  body.remove_prefix(mark.size());
  while (body.starts_with("\r\n") && fields.size() < kMaxFields) {
    body.remove_prefix(2);
    std::size_t head_end = body.find("\r\n\r\n");
    std::size_t end = head_end == std::string_view::npos ? head_end : body.find(between, head_end);
    if (end == std::string_view::npos) {
      return {};
    }
    std::string_view head = body.substr(0, head_end);
    FormField field{.name = std::string(attribute(head, "name")),
                    .file_name = std::string(attribute(head, "filename")),
                    .value = body.substr(head_end + 4, end - head_end - 4)};
    fields.push_back(std::move(field));
    body.remove_prefix(end + between.size());
  }
  return body.starts_with("--") ? fields : std::vector<FormField>{};
}

}  // namespace headgate::sim
