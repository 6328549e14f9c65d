#include "upstream/proxy.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/encoding.h"
#include "upstream/address.h"

namespace headgate::upstream {
namespace {

bool in_range(const IpAddress& address, std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  const auto network = parse_address(cidr.substr(0, slash));
  if (!network || network->family != address.family) {
    return false;
  }
  const unsigned width = network->family == IpAddress::Family::V4 ? 32 : 128;
  unsigned bits = width;
  if (slash != std::string_view::npos) {
    const std::string_view text = cidr.substr(slash + 1);
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (ec != std::errc{} || end != text.data() + text.size() || bits > width) {
      return false;
    }
  }
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((address.bytes[bit / 8] ^ network->bytes[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  return true;
}

bool rule_matches(std::string_view rule, const Origin& origin) {
  if (rule == "*") {
    return true;
  }
  const auto address = parse_address(origin.host);
  if (address && in_range(*address, rule)) {
    return true;
  }
  const std::size_t colon = rule.rfind(':');
  if (colon != std::string_view::npos && (rule.find(':') == colon || rule[0] == '[')) {
    if (rule.substr(colon + 1) != std::to_string(origin.port)) {
      return false;
    }
    rule = rule.substr(0, colon);
  }
  if (rule.starts_with('[') && rule.ends_with(']')) {
    rule = rule.substr(1, rule.size() - 2);
  }
  if (rule.starts_with('.')) {
    rule.remove_prefix(1);
  }
  const std::string_view host = origin.host;
  return host == rule || (!address && !rule.empty() && host.size() > rule.size() &&
                          host.ends_with(rule) && host[host.size() - rule.size() - 1] == '.');
}

std::string_view environment(const char* lower, const char* upper) {
  for (const char* name : {lower, upper}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') {
      return value;
    }
  }
  return {};
}

}  // namespace

const Proxy* ProxySettings::proxy_for(const Origin& origin) const {
  const auto& proxy = origin.scheme == Scheme::Https ? https : http;
  if (!proxy || origin.host == "localhost" || origin.host.ends_with(".localhost")) {
    return nullptr;
  }
  if (const auto address = parse_address(origin.host); address && address->loopback()) {
    return nullptr;
  }
  const bool direct =
      std::ranges::any_of(bypass, [&](const auto& rule) { return rule_matches(rule, origin); });
  return direct ? nullptr : &*proxy;
}

Result<Proxy> parse_proxy(std::string_view text) {
  std::string_view rest = text;
  if (const std::size_t colon = rest.find("://"); colon != std::string_view::npos) {
    if (!ascii_equal_ignore_case(rest.substr(0, colon), "http")) {
      return fail(invalid_request("A proxy URL must begin with http://."));
    }
    rest.remove_prefix(colon + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  Proxy proxy;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user_info = rest.substr(0, at);
    const std::size_t colon = std::min(user_info.find(':'), user_info.size());
    const auto user = decode_percent(user_info.substr(0, colon), PercentMode::Url);
    const auto password =
        decode_percent(user_info.substr(std::min(colon + 1, user_info.size())), PercentMode::Url);
    if (!user || !password) {
      return fail(invalid_request("A proxy URL has a bad percent escape."));
    }
    proxy.authorization = "Basic " + base64(*user + ":" + *password);
    rest.remove_prefix(at + 1);
  }
  auto url = parse_base_url("http://" + std::string(rest));
  if (!url) {
    return fail(std::move(url.error()));
  }
  proxy.host = std::move(url->origin.host);
  proxy.port = url->origin.port;
  return proxy;
}

Result<ProxySettings> proxy_from_environment() {
  ProxySettings settings;
  const auto read = [](const char* lower, const char* upper,
                       std::optional<Proxy>& slot) -> Result<void> {
    const std::string_view value = environment(lower, upper);
    if (value.empty()) {
      return {};
    }
    auto proxy = parse_proxy(value);
    if (!proxy) {
      return fail(invalid_request(std::string(upper) + " is not a usable proxy URL.", upper));
    }
    slot = std::move(*proxy);
    return {};
  };
  if (auto done = read("http_proxy", "HTTP_PROXY", settings.http); !done) {
    return fail(std::move(done.error()));
  }
  if (auto done = read("https_proxy", "HTTPS_PROXY", settings.https); !done) {
    return fail(std::move(done.error()));
  }
  std::string_view rules = environment("no_proxy", "NO_PROXY");
  while (!rules.empty()) {
    const std::size_t end = std::min(rules.find_first_of(", \t"), rules.size());
    if (end > 0) {
      settings.bypass.push_back(ascii_lower(rules.substr(0, end)));
    }
    rules.remove_prefix(std::min(end + 1, rules.size()));
  }
  return settings;
}

}  // namespace headgate::upstream
