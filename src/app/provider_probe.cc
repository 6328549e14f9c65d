#include "app/provider_probe.h"

#include <chrono>
#include <cstddef>

namespace headgate::app {
namespace {

using Status = api::EndpointHealth::Status;

constexpr std::chrono::seconds kPatience{2};
/// Of a list of models, read so that the connection can be kept; a longer one is cut.
constexpr std::size_t kMaxAnswer = 256 << 10;

Status status_of(int http_status) {
  return http_status < 500 && http_status != 401 && http_status != 403 ? Status::Healthy
                                                                       : Status::Unhealthy;
}

}  // namespace

ProviderProbe probe_of(const routing::Target& target) {
  ProviderProbe probe{.origin = target.base.origin,
                      .base_path = target.base.target,
                      .wire = target.protocol->encode_model_list(),
                      .credential = target.credentials.empty() ? "" : target.credentials.front(),
                      .health = {}};
  probe.health.name = target.provider;
  return probe;
}

Task<void> ask(upstream::Client& client, ProviderProbe& probe) {
  upstream::OutgoingRequest request;
  request.origin = &probe.origin;
  request.method = probe.wire.method;
  request.base_path = probe.base_path;
  request.target = probe.wire.path;
  request.fields = probe.wire.fields;
  request.more_fields = probe.credential;
  request.timeouts.deadline = std::chrono::steady_clock::now() + kPatience;
  auto exchange = client.start(request);
  auto there = co_await exchange->await_head();
  if (!there) {
    probe.health.status = Status::Unreachable;
    probe.health.error = there.error().message;
    co_return;
  }
  const int status = exchange->head().status;
  probe.health.status = status_of(status);
  if (probe.health.status == Status::Unhealthy) {
    probe.health.error = "The provider answered with status " + std::to_string(status) + ".";
  }
  std::size_t read = 0;
  while (read < kMaxAnswer) {
    auto piece = co_await exchange->read();
    if (!piece || !*piece || (*piece)->empty()) {
      break;
    }
    read += (*piece)->size();
  }
}

}  // namespace headgate::app
