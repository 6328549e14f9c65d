#include "config/text_checks.h"

#include <algorithm>

#include "config/cidr.h"
#include "config/listen_address.h"
#include "config/units.h"

namespace headgate::config {
namespace {

bool is_visible(char c) { return c > 0x20 && c < 0x7F; }

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

/// host, host:port or [v6]:port.
bool is_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  const auto bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) {
    return false;
  }
  const auto colon = text.find(':', bracket);
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const bool digits = std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    if (port.empty() || port.size() > 5 || !digits || std::stoul(std::string(port)) > 65535) {
      return false;
    }
  }
  if (host.starts_with('[')) {
    const auto address = host.ends_with(']') ? IpAddress::parse(host.substr(1, host.size() - 2))
                                             : std::optional<IpAddress>{};
    return address && host.contains(':');
  }
  return !host.empty() && std::ranges::all_of(host, is_host_character);
}

struct UrlParts {
  std::string_view scheme;
  std::string_view authority;
  std::string_view rest;
};

std::optional<UrlParts> split_url(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  UrlParts parts;
  parts.scheme = text.substr(0, colon);
  const auto after = text.substr(colon + 3);
  const auto end = std::min(after.find_first_of("/?#"), after.size());
  parts.authority = after.substr(0, end);
  parts.rest = after.substr(end);
  return parts;
}

}  // namespace

std::optional<std::string> check_listen(std::string_view text) {
  if (ListenAddress::parse(text)) {
    return std::nullopt;
  }
  return "is not an address and port; write for example 127.0.0.1:8080 or [::1]:8080";
}

std::optional<std::string> check_optional_listen(std::string_view text) {
  return text.empty() ? std::nullopt : check_listen(text);
}

std::optional<std::string> check_cidr(std::string_view text) {
  if (Cidr::parse(text)) {
    return std::nullopt;
  }
  return "is not an address range; write for example 10.0.0.0/8, fd00::/8 or 192.0.2.7";
}

std::optional<std::string> check_base_url(std::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  const auto parts = split_url(text);
  if (!parts || (parts->scheme != "http" && parts->scheme != "https")) {
    return "is not a URL that begins with http:// or https://";
  }
  if (parts->authority.contains('@')) {
    return "must not hold a user or password; write credentials as api_keys";
  }
  if (!is_authority(parts->authority)) {
    return "has no valid host and port";
  }
  if (parts->rest.find_first_of("?#") != std::string_view::npos ||
      !std::ranges::all_of(parts->rest, is_visible)) {
    return "must end with a plain path, without query, fragment or spaces";
  }
  return std::nullopt;
}

std::optional<std::string> check_store_url(std::string_view text) {
  if (text.starts_with("sqlite:") || text.starts_with("postgres://") ||
      text.starts_with("postgresql://")) {
    return std::nullopt;
  }
  return "is not a store; write sqlite:, sqlite:PATH or postgres://...";
}

std::optional<std::string> check_shared_url(std::string_view text) {
  if (text.empty() || text.starts_with("redis://") || text.starts_with("rediss://")) {
    return std::nullopt;
  }
  return "is not a redis:// or rediss:// URL";
}

std::optional<std::string> check_origin(std::string_view text) {
  if (text == "*") {
    return std::nullopt;
  }
  const auto parts = split_url(text);
  const bool scheme = parts && (parts->scheme == "http" || parts->scheme == "https");
  if (!scheme || !parts->rest.empty() || !is_authority(parts->authority)) {
    return "is not an origin; write \"*\" or for example https://app.example.com";
  }
  return std::nullopt;
}

std::optional<std::string> check_host(std::string_view text) {
  if (!text.empty() && text.size() <= 253 && std::ranges::all_of(text, is_host_character)) {
    return std::nullopt;
  }
  if (IpAddress::parse(text)) {
    return std::nullopt;
  }
  return "is not a host; write its name or address alone, without scheme, port or path";
}

std::optional<std::string> check_not_empty(std::string_view text) {
  return text.empty() ? std::optional<std::string>("must not be empty") : std::nullopt;
}

std::optional<std::string> check_url_path(std::string_view text) {
  if (text.starts_with('/') && std::ranges::all_of(text, is_visible)) {
    return std::nullopt;
  }
  return "is not a path; it begins with /";
}

std::optional<std::string> check_language(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!text.empty() && text.size() <= 32 && plain) {
    return std::nullopt;
  }
  return "is not a language; write Tesseract's name of it, such as eng or chi_sim";
}

std::optional<std::string> check_name(std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](char c) { return is_visible(c) && c != '"' && c != '\'' && c != '\\'; });
  if (!text.empty() && text.size() <= 128 && plain) {
    return std::nullopt;
  }
  return "is not a name; use 1 to 128 visible characters without quotes or spaces";
}

std::optional<std::string> check_hedge(std::string_view text) {
  if (text == "off" || text == "p95") {
    return std::nullopt;
  }
  const auto after = parse_duration(text);
  if (after && after->count() > 0) {
    return std::nullopt;
  }
  return "is not off, p95 or a duration such as 800ms";
}

std::optional<std::string> check_hours(std::string_view text) {
  if (text.empty() || parse_hours(text)) {
    return std::nullopt;
  }
  return "is not a part of the day such as 22:00-06:00";
}

std::string mask_url(std::string_view url) {
  // Greedy on purpose: a password may itself hold '/', '?' or '@'.
  std::string masked(url);
  const auto scheme = masked.find("://");
  const auto at = masked.rfind('@');
  if (scheme != std::string::npos && at != std::string::npos && at > scheme) {
    const auto colon = masked.find(':', scheme + 3);
    if (colon < at) {
      masked.replace(colon + 1, at - colon - 1, "***");
    }
  }
  constexpr std::string_view kParameter = "password=";
  const auto parameter = masked.find(kParameter);
  if (parameter != std::string::npos) {
    const auto start = parameter + kParameter.size();
    const auto end = std::min(masked.find('&', start), masked.size());
    masked.replace(start, end - start, "***");
  }
  return masked;
}

}  // namespace headgate::config
