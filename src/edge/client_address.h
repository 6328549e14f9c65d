#pragma once

#include <string>
#include <string_view>

#include "config/cidr.h"
#include "edge/handler.h"

namespace headgate::edge {

/// Who the client is: `peer`, or, if that is a trusted proxy, the last address in X-Forwarded-For
/// that is not one. Each proxy appends whom it got the request from, so the list is read from its
/// end; an entry that is no address stops the walk at the one behind it.
///
/// Entries may be as proxies write them: quoted, IPv6 in brackets, with a port. The result is an
/// address without those.
std::string client_address(std::string_view peer, const Request& request,
                           const config::CidrSet& trusted);

}  // namespace headgate::edge
