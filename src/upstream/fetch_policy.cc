#include "upstream/fetch_policy.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "upstream/address.h"

namespace headgate::upstream {
namespace {

bool listed(std::string_view host, const std::vector<std::string>& rules) {
  return std::ranges::any_of(rules, [&](std::string_view rule) {
    if (rule.starts_with("*.")) {
      rule.remove_prefix(1);
      return host.size() > rule.size() &&
             ascii_equal_ignore_case(host.substr(host.size() - rule.size()), rule);
    }
    return ascii_equal_ignore_case(host, rule);
  });
}

/// Names that mean this machine (RFC 6761 §6.3).
bool is_localhost(std::string_view host) {
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size() ||
      !ascii_equal_ignore_case(host.substr(host.size() - kName.size()), kName)) {
    return false;
  }
  return host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.';
}

}  // namespace

Error url_not_allowed(std::string message, std::string why) {
  Error error = invalid_request(std::move(message));
  error.code = "url_not_allowed";
  error.detail = std::move(why);
  return error;
}

bool private_allowed(std::string_view host, const config::FetchSettings& settings) {
  return listed(host, settings.allow_private_hosts);
}

Result<Url> parse_fetch_url(std::string_view text, const config::FetchSettings& settings) {
  auto url = parse_url(text);
  if (!url) {
    return fail(url_not_allowed(std::move(url.error().message), "malformed URL"));
  }
  if (auto allowed = check_fetch_url(*url, settings); !allowed) {
    return fail(std::move(allowed.error()));
  }
  return url;
}

Result<void> check_fetch_url(const Url& url, const config::FetchSettings& settings) {
  const Origin& origin = url.origin;
  if (!settings.enabled) {
    return fail(url_not_allowed("This gateway does not fetch URLs; send the data itself.", {}));
  }
  if (origin.scheme == Scheme::Http && !listed(origin.host, settings.allow_http_hosts)) {
    return fail(url_not_allowed("Only https:// URLs are fetched.", origin.host_and_port()));
  }
  if (!settings.allowed_hosts.empty() && !listed(origin.host, settings.allowed_hosts) &&
      !private_allowed(origin.host, settings)) {
    return fail(url_not_allowed("The host of the URL is not on the list of allowed hosts.",
                                origin.host_and_port()));
  }
  if (private_allowed(origin.host, settings)) {
    return {};
  }
  if (origin.port != 80 && origin.port != 443) {
    return fail(
        url_not_allowed("Only the ports 80 and 443 are fetched from.", origin.host_and_port()));
  }
  if (is_localhost(origin.host)) {
    return fail(url_not_allowed("The URL leads into a private network.", origin.host_and_port()));
  }
  const auto literal = parse_address(origin.host);
  return literal ? check_address(*literal) : Result<void>{};
}

}  // namespace headgate::upstream
