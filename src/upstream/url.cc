#include "upstream/url.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "upstream/address.h"

namespace headgate::upstream {
namespace {

constexpr std::size_t kMaxUrlBytes = 8192;
constexpr std::size_t kMaxHostBytes = 253;

Failure refuse(std::string why) {
  return fail(invalid_request("Not a usable URL: " + std::move(why) + "."));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_target_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c <= 0x20 || c >= 0x7F || c == '\\' || c == '"' || c == '<' || c == '>') {
      return false;
    }
    if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))) {
      return false;
    }
  }
  return true;
}

/// True if some resolver would read the name as an IPv4 number: 127.1, 0x7f.1, 2130706433, 017...
bool looks_like_number(std::string_view host) {
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return std::ranges::all_of(last, is_digit) ||
         (last.starts_with("0x") && std::ranges::all_of(last.substr(2), is_hex));
}

bool is_name(std::string_view host) {
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  if (host.empty() || host.size() > kMaxHostBytes) {
    return false;
  }
  std::size_t label = 0;
  for (std::size_t i = 0; i <= host.size(); ++i) {
    if (i == host.size() || host[i] == '.') {
      if (label == 0 || label > 63 || host[i - 1] == '-') {
        return false;
      }
      label = 0;
      continue;
    }
    const char c = host[i];
    if (!is_alnum(c) && c != '_' && (c != '-' || label == 0)) {
      return false;
    }
    ++label;
  }
  return true;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size() || text.size() > 5 || port == 0 ||
      port > 65535) {
    return refuse("bad port");
  }
  return static_cast<std::uint16_t>(port);
}

Result<Origin> parse_authority(Scheme scheme, std::string_view authority) {
  Origin origin{.scheme = scheme,
                .host = {},
                .port = scheme == Scheme::Http ? std::uint16_t{80} : std::uint16_t{443}};
  if (authority.find('@') != std::string_view::npos) {
    return refuse("user names and passwords in it are not allowed");
  }
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    const auto address = close == std::string_view::npos
                             ? std::nullopt
                             : parse_address(authority.substr(1, close - 1));
    if (!address || address->family != IpAddress::Family::V6) {
      return refuse("bad IPv6 address");
    }
    origin.host = address->text();
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') {
      return refuse("bad IPv6 address");
    }
    has_port = !rest.empty();
    port = rest.substr(has_port ? 1 : 0);
  } else {
    const std::size_t colon = authority.find(':');
    origin.host = ascii_lower(authority.substr(0, colon));
    has_port = colon != std::string_view::npos;
    port = has_port ? authority.substr(colon + 1) : std::string_view{};
    if (!is_name(origin.host)) {
      return refuse("bad host name");
    }
    if (looks_like_number(origin.host) && !parse_address(origin.host)) {
      return refuse("bad IPv4 address");
    }
    if (origin.host.ends_with('.')) {
      origin.host.pop_back();
    }
  }
  if (has_port) {
    auto number = parse_port(port);
    if (!number) {
      return fail(std::move(number.error()));
    }
    origin.port = *number;
  }
  return origin;
}

/// RFC 3986 §5.2.4 on an absolute path.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool trailing_slash = false;
  std::size_t at = 1;
  while (at <= path.size()) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, slash - at);
    const bool last = slash == path.size();
    if (segment == "..") {
      if (!kept.empty()) {
        kept.pop_back();
      }
      trailing_slash = last;
    } else if (segment == ".") {
      trailing_slash = last;
    } else {
      kept.push_back(segment);
      trailing_slash = false;
    }
    at = slash + 1;
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out.append("/").append(segment);
  }
  if (trailing_slash || out.empty()) {
    out.push_back('/');
  }
  return out;
}

}  // namespace

void Origin::append_authority(std::string& out) const {
  const bool is_v6 = host.find(':') != std::string::npos;
  out.append(is_v6 ? "[" : "").append(host).append(is_v6 ? "]" : "");
  if (port != (scheme == Scheme::Http ? 80 : 443)) {
    out.append(":").append(std::to_string(port));
  }
}

std::string Origin::authority() const {
  std::string text;
  append_authority(text);
  return text;
}

std::string Origin::host_and_port() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

std::string Url::text() const {
  return (origin.scheme == Scheme::Http ? "http://" : "https://") + origin.authority() + target;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return refuse("longer than 8 KiB");
  }
  const std::size_t colon = text.find("://");
  const std::string scheme_name =
      colon == std::string_view::npos ? std::string() : ascii_lower(text.substr(0, colon));
  if (scheme_name != "http" && scheme_name != "https") {
    return refuse("it must begin with http:// or https://");
  }
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#\\"), rest.size());
  auto origin =
      parse_authority(scheme_name == "http" ? Scheme::Http : Scheme::Https, rest.substr(0, end));
  if (!origin) {
    return fail(std::move(origin.error()));
  }
  std::string_view tail = rest.substr(end);
  tail = tail.substr(0, tail.find('#'));
  if (!is_target_text(tail)) {
    return refuse("spaces, controls, quotes and non-ASCII characters must be percent-encoded");
  }
  Url url{.origin = std::move(*origin), .target = std::string(tail)};
  if (!url.target.starts_with('/')) {
    url.target.insert(0, "/");
  }
  return url;
}

Result<Url> parse_base_url(std::string_view text) {
  if (text.find_first_of("?#") != std::string_view::npos) {
    return refuse("a base URL has no query and no fragment");
  }
  auto url = parse_url(text);
  if (url) {
    while (url->target.ends_with('/')) {
      url->target.pop_back();
    }
  }
  return url;
}

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  const std::size_t special = reference.find_first_of(":/?");
  if (special != std::string_view::npos && reference[special] == ':') {
    return parse_url(reference);
  }
  if (reference.starts_with("//")) {
    const std::string scheme = base.origin.scheme == Scheme::Http ? "http:" : "https:";
    return parse_url(scheme + std::string(reference));
  }
  if (reference.size() > kMaxUrlBytes || !is_target_text(reference)) {
    return refuse("a bad redirect");
  }
  const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (reference.empty()) {
    return base;
  }
  Url url = base;
  if (reference.front() == '?') {
    url.target = std::string(base_path) + std::string(reference);
    return url;
  }
  const std::size_t query = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, query));
  if (path.front() != '/') {
    path = std::string(base_path.substr(0, base_path.rfind('/') + 1)) + path;
  }
  url.target = remove_dot_segments(path) + std::string(reference.substr(query));
  return url;
}

}  // namespace headgate::upstream
