#include "api/multipart.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxPartHeader = 8 << 10;
constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 §5.1.1

Failure bad(std::string why) {
  Error error = invalid_request("The multipart body is malformed: " + std::move(why));
  error.code = "invalid_multipart";
  return fail(std::move(error));
}

/// The value of `name` in `; name=value; name="va\"lue"` parameters; nullopt if absent.
std::optional<std::string> parameter(std::string_view text, std::string_view name) {
  std::size_t at = text.find(';');
  while (at != std::string_view::npos && at < text.size()) {
    ++at;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) {
      ++at;
    }
    const std::size_t equals = text.find('=', at);
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    const bool ours = ascii_equal_ignore_case(text.substr(at, equals - at), name);
    std::string value;
    at = equals + 1;
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size() &&
            (text[at + 1] == '"' || text[at + 1] == '\\')) {
          ++at;
        }
        value.push_back(text[at]);
      }
      if (at == text.size()) {
        return std::nullopt;
      }
      at = text.find(';', at);
    } else {
      const std::size_t end = std::min(text.find(';', at), text.size());
      value = text.substr(at, end - at);
      while (value.ends_with(' ')) {
        value.pop_back();
      }
      at = end;
    }
    if (ours) {
      return value;
    }
  }
  return std::nullopt;
}

/// Whether each parameter is there once and under its plain name: readers differ in which they take
/// otherwise, and another than ours may be the server's.
bool is_plain(std::string_view text) {
  std::vector<std::string> names;
  bool quoted = false;
  std::size_t begin = text.find(';');
  while (begin < text.size()) {
    std::size_t end = begin + 1;
    for (; end < text.size() && (quoted || text[end] != ';'); ++end) {
      if (text[end] == '"') {
        quoted = !quoted;
      } else if (quoted && text[end] == '\\') {
        ++end;
      }
    }
    const std::string_view parameter = text.substr(begin + 1, end - begin - 1);
    names.push_back(ascii_lower(trim_blanks(parameter.substr(0, parameter.find('=')))));
    begin = end;
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end() &&
         std::ranges::find(names, "name*") == names.end();
}

Result<FormPart> parse_part(std::string_view part) {
  const std::size_t end = part.substr(0, kMaxPartHeader).find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return bad("a part has no header, or one larger than 8 KiB.");
  }
  FormPart parsed;
  parsed.data = part.substr(end + 4);
  std::string_view header = part.substr(0, end + 2);
  bool named = false;
  while (!header.empty()) {
    const std::size_t line_end = header.find("\r\n");
    const std::string_view line = header.substr(0, line_end);
    header.remove_prefix(line_end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return bad("a part's header line has no colon.");
    }
    if (ascii_equal_ignore_case(line.substr(0, colon), "content-disposition")) {
      const std::string_view value = line.substr(colon + 1);
      if (named || !is_plain(value)) {
        return bad("a part's Content-Disposition says something twice, or has a name*.");
      }
      auto name = parameter(value, "name");
      if (!name || name->empty() || !is_utf8(*name)) {
        return bad("a part has no name.");
      }
      parsed.name = std::move(*name);
      parsed.file_name = parameter(value, "filename").value_or("");
      named = true;
    }
  }
  if (!named) {
    return bad("a part has no Content-Disposition.");
  }
  return parsed;
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  return is_media_type(content_type, "multipart/form-data");
}

Result<std::string> multipart_boundary(std::string_view content_type) {
  auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary) {
    return bad("the Content-Type needs a boundary of 1 to 70 characters.");
  }
  return std::move(*boundary);
}

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type,
                                              std::string_view body) {
  const auto boundary = multipart_boundary(content_type);
  if (!boundary) {
    return fail(boundary.error());
  }
  return split_multipart(*boundary, body);
}

Result<std::vector<FormPart>> split_multipart(const std::string& boundary, std::string_view body) {
  const std::string first = "--" + boundary;
  const std::string delimiter = "\r\n" + first;
  if (!body.starts_with(first)) {
    return bad("it does not start with its boundary.");
  }
  body.remove_prefix(first.size());
  std::vector<FormPart> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) {
      return bad("a boundary is followed by something else than a line end.");
    }
    body.remove_prefix(2);
    const std::size_t end = body.find(delimiter);
    if (end == std::string_view::npos) {
      return bad("the closing boundary is missing.");
    }
    if (parts.size() == kMaxParts) {
      return bad("it has more than 64 parts.");
    }
    auto part = parse_part(body.substr(0, end));
    if (!part) {
      return fail(part.error());
    }
    parts.push_back(std::move(*part));
    body.remove_prefix(end + delimiter.size());
  }
  return parts;
}

}  // namespace headgate::api
