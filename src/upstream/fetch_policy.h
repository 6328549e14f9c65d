#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/settings.h"
#include "upstream/url.h"

namespace headgate::upstream {

/// A refusal by the outbound policy: InvalidRequest with code `url_not_allowed`. `why` goes to the
/// log only.
Error url_not_allowed(std::string message, std::string why);

/// Reads a URL that a caller named and checks everything that can be said before its name is
/// resolved: https (http only for allow_http_hosts), ports 80 and 443 (any for
/// allow_private_hosts), allowed_hosts, and a literal address as check_address does. A refusal is
/// url_not_allowed.
///
/// A host in a list is a name, or "*.name" for every name below it.
Result<Url> parse_fetch_url(std::string_view text, const config::FetchSettings& settings);

/// The same for a URL already read, e.g. where a redirect leads.
Result<void> check_fetch_url(const Url& url, const config::FetchSettings& settings);

/// Whether `host` may lead to private addresses.
bool private_allowed(std::string_view host, const config::FetchSettings& settings);

}  // namespace headgate::upstream
