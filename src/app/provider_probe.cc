#include "app/provider_probe.h"

#include <chrono>
#include <cstddef>
#include <utility>

namespace headgate::app {
namespace {

using Status = api::EndpointHealth::Status;

constexpr std::chrono::seconds kPatience{2};
/// Of a list of models, read so that the connection can be kept; a longer one is cut.
constexpr std::size_t kMaxAnswer = 256 << 10;
/// What of it is looked at.
constexpr std::size_t kMaxLookedAt = 16 << 10;

Status status_of(providers::Vitals::State state) {
  switch (state) {
    case providers::Vitals::State::Well:
      return Status::Healthy;
    case providers::Vitals::State::Idle:
      return Status::Idle;
    case providers::Vitals::State::Ill:
      break;
  }
  return Status::Unhealthy;
}

}  // namespace

ProviderProbe probe_of(const routing::Target& target) {
  ProviderProbe probe{.origin = target.base.origin,
                      .base_path = target.base.target,
                      .protocol = target.protocol,
                      .wire = target.protocol->encode_health(target.name),
                      .credential = target.credentials.empty() ? "" : target.credentials.front(),
                      .health = {}};
  probe.health.name = target.provider;
  if (!target.name.endpoint.empty()) {
    probe.health.name.append("/").append(target.name.endpoint);
  }
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
  std::size_t read = 0;
  std::string begin;
  while (read < kMaxAnswer) {
    auto piece = co_await exchange->read();
    if (!piece || !*piece || (*piece)->empty()) {
      break;
    }
    read += (*piece)->size();
    begin.append((*piece)->substr(0, kMaxLookedAt - begin.size()));
  }
  providers::Vitals vitals = probe.protocol->read_health(status, begin);
  probe.health.status = status_of(vitals.state);
  probe.health.workers = std::move(vitals.workers);
  probe.health.error = std::move(vitals.trouble);
}

}  // namespace headgate::app
