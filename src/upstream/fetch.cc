#include "upstream/fetch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "upstream/address.h"
#include "upstream/failure.h"
#include "upstream/fetch_policy.h"
#include "upstream/url.h"

namespace headgate::upstream {
namespace {

constexpr std::string_view kFields =
    "User-Agent: headgate\r\nAccept: */*\r\nAccept-Encoding: identity\r\n";
constexpr std::size_t kMaxAddressesTried = 4;
constexpr std::size_t kReadPadding = 64;  // readers of documents like some room behind the bytes

Error failed(std::string_view what, std::string_view why, std::string detail) {
  Error error =
      invalid_request("The URL could not be " + std::string(what) + ": " + std::string(why) + ".");
  error.code = "url_fetch_failed";
  error.detail = std::move(detail);
  return error;
}

constexpr std::string_view kFetched = "fetched";
constexpr std::string_view kCalled = "called";

Error fetch_failed(std::string_view why, std::string detail) {
  return failed(kFetched, why, std::move(detail));
}

/// What the caller learns of a failure below it: the phase, not addresses or bodies. `what` could
/// not be done.
Error translate(Error error, SteadyTime deadline, std::string_view what) {
  const auto phase = failure_phase(error);
  if (!phase) {
    return error;
  }
  const bool timeout = error.kind == ErrorKind::Timeout;
  if (timeout && std::chrono::steady_clock::now() >= deadline) {
    return error;
  }
  std::string_view why = "the server broke off its answer";
  if (timeout) {
    why = "the server took too long";
  } else if (*phase == FailurePhase::Dns) {
    why = "its host name does not resolve";
  } else if (*phase == FailurePhase::Connect) {
    why = "its server could not be reached";
  } else if (*phase == FailurePhase::Tls) {
    why = "its server has no valid certificate";
  } else if (*phase == FailurePhase::Protocol) {
    why = "the server's answer is malformed";
  }
  return failed(what, why, error.code + ": " + error.detail);
}

bool is_redirect(int status) {
  constexpr std::array kStatuses = {301, 302, 303, 307, 308};
  return std::ranges::find(kStatuses, status) != kStatuses.end();
}

Error too_big(std::uint64_t max_bytes) {
  return too_large("The file at the URL is larger than " + std::to_string(max_bytes) + " bytes.");
}

/// What is sent to a URL.
struct Message {
  std::string_view method = "GET";
  std::string_view fields;  ///< beside kFields
  std::span<const std::string_view> body;
};

/// One fetch under way: its hops share one time limit.
class Fetch final {
 public:
  Fetch(Client& client, Resolver& resolver, const config::FetchSettings& settings,
        FetchLimits limits)
      : client_(client),
        resolver_(resolver),
        settings_(settings),
        limits_(limits),
        until_(std::min(limits.deadline, std::chrono::steady_clock::now() + settings.timeout)) {}

  /// One hop: the body, or where it is said to be.
  struct Hop {
    std::optional<Url> redirect;
    std::string bytes;
  };
  Task<Result<Hop>> hop(const Url& url);
  /// The status of the answer to `message`, which outlives the call.
  Task<Result<int>> post(const Url& url, Message message);

 private:
  Task<Result<std::vector<IpAddress>>> addresses(const Origin& origin);
  /// Sends `message` to the first address that takes connections, and waits for the answer's head.
  Task<Result<std::unique_ptr<Exchange>>> ask(const Url& url, Message message);
  Task<Result<std::unique_ptr<Exchange>>> ask_at(const Url& url, const IpAddress& address,
                                                 Message message);
  Task<Result<std::string>> body(Exchange& exchange);

  Client& client_;
  Resolver& resolver_;
  const config::FetchSettings& settings_;
  FetchLimits limits_;
  SteadyTime until_;
};

Task<Result<std::vector<IpAddress>>> Fetch::addresses(const Origin& origin) {
  auto found = co_await resolver_.resolve(origin.host, until_, limits_.cancel);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  if (!private_allowed(origin.host, settings_)) {
    // One bad address condemns them all: a name that mixes them is an attack or a mistake.
    for (const IpAddress& address : *found) {
      if (auto allowed = check_address(address); !allowed) {
        co_return fail(std::move(allowed.error()));
      }
    }
  }
  found->resize(std::min(found->size(), kMaxAddressesTried));
  co_return found;
}

Task<Result<std::unique_ptr<Exchange>>> Fetch::ask(const Url& url, Message message) {
  auto found = co_await addresses(url.origin);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  Result<std::unique_ptr<Exchange>> exchange = fail(failure(FailurePhase::Connect, "no address"));
  for (const IpAddress& address : *found) {
    exchange = co_await ask_at(url, address, message);
    if (exchange || failure_phase(exchange.error()) != FailurePhase::Connect) {
      break;
    }
  }
  co_return exchange;
}

Task<Result<std::unique_ptr<Exchange>>> Fetch::ask_at(const Url& url, const IpAddress& address,
                                                      Message message) {
  OutgoingRequest request;
  request.origin = &url.origin;
  request.method = message.method;
  request.target = url.target;
  request.fields = kFields;
  request.more_fields = message.fields;
  request.body = message.body;
  request.timeouts = {.connect = settings_.timeout,
                      .first_byte = settings_.timeout,
                      .idle = settings_.timeout,
                      .deadline = until_};
  request.cancel = limits_.cancel;
  request.connect_to = address;
  auto exchange = client_.start(request);
  auto answered = co_await exchange->await_head();
  if (!answered) {
    co_return fail(std::move(answered.error()));
  }
  co_return exchange;
}

Task<Result<std::string>> Fetch::body(Exchange& exchange) {
  std::string bytes;
  if (exchange.head().body == ResponseHead::Body::Length) {
    if (exchange.head().length > limits_.max_bytes) {
      co_return fail(too_big(limits_.max_bytes));
    }
    bytes.reserve(exchange.head().length + kReadPadding);
  }
  while (true) {
    auto piece = co_await exchange.read();
    if (!piece) {
      co_return fail(std::move(piece.error()));
    }
    const std::string_view data = piece->value_or("");
    if (data.empty()) {
      co_return bytes;
    }
    if (data.size() > limits_.max_bytes - bytes.size()) {
      co_return fail(too_big(limits_.max_bytes));
    }
    bytes.append(data);
  }
}

Task<Result<Fetch::Hop>> Fetch::hop(const Url& url) {
  auto exchange = co_await ask(url, {});
  if (!exchange) {
    co_return fail(std::move(exchange.error()));
  }
  const ResponseHead& head = (*exchange)->head();
  if (is_redirect(head.status)) {
    auto target = resolve_reference(url, head.field("location").value_or(""));
    if (!target || !head.field("location")) {
      co_return fail(fetch_failed("it redirects to nowhere", url.origin.host_and_port()));
    }
    co_return Hop{.redirect = std::move(*target), .bytes = {}};
  }
  if (head.status != 200) {
    co_return fail(fetch_failed("its server answered " + std::to_string(head.status),
                                url.origin.host_and_port()));
  }
  const auto coding = head.field("content-encoding");
  if (coding && !ascii_equal_ignore_case(*coding, "identity")) {
    co_return fail(
        fetch_failed("its server sends it compressed, unasked", url.origin.host_and_port()));
  }
  auto bytes = co_await body(**exchange);
  if (!bytes) {
    co_return fail(std::move(bytes.error()));
  }
  co_return Hop{.redirect = std::nullopt, .bytes = std::move(*bytes)};
}

Task<Result<int>> Fetch::post(const Url& url, Message message) {
  auto exchange = co_await ask(url, message);
  if (!exchange) {
    co_return fail(std::move(exchange.error()));
  }
  const int status = (*exchange)->head().status;
  // Read so that a server that is still writing sees no reset; the answer has been given whatever
  // becomes of it.
  auto ignored = co_await body(**exchange);
  co_return status;
}

}  // namespace

Task<Result<Fetched>> Fetcher::fetch(std::string text, const config::FetchSettings& settings,
                                     FetchLimits limits) {
  auto url = parse_fetch_url(text, settings);
  if (!url) {
    co_return fail(std::move(url.error()));
  }
  Fetch fetch(client_, resolver_, settings, limits);
  for (unsigned redirects = 0;; ++redirects) {
    auto hop = co_await fetch.hop(*url);
    if (!hop) {
      co_return fail(translate(std::move(hop.error()), limits.deadline, kFetched));
    }
    if (!hop->redirect) {
      co_return Fetched{.bytes = std::move(hop->bytes), .final_url = url->text()};
    }
    if (redirects == settings.max_redirects) {
      co_return fail(fetch_failed("it redirects too often", url->origin.host_and_port()));
    }
    if (auto allowed = check_fetch_url(*hop->redirect, settings); !allowed) {
      co_return fail(std::move(allowed.error()));
    }
    url = std::move(*hop->redirect);
  }
}

Task<Result<int>> Fetcher::post(std::string text, std::string fields, std::string body,
                                const config::FetchSettings& settings, FetchLimits limits) {
  auto url = parse_fetch_url(text, settings);
  if (!url) {
    co_return fail(std::move(url.error()));
  }
  const std::array<std::string_view, 1> pieces = {body};
  Fetch call(client_, resolver_, settings, limits);
  auto status = co_await call.post(*url, {.method = "POST", .fields = fields, .body = pieces});
  if (!status) {
    co_return fail(translate(std::move(status.error()), limits.deadline, kCalled));
  }
  co_return status;
}

}  // namespace headgate::upstream
