#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "api/route.h"

namespace headgate::api {

enum class Readiness : std::uint8_t { Starting, Ready, Draining };

/// GET /ready: 200 {"status":"ready"}, 503 while starting or draining.
class ReadyEndpoint final : public Endpoint {
 public:
  /// `details`, if set, yields a JSON object that is shown as `details`; thread safe, must not
  /// block.
  explicit ReadyEndpoint(const std::atomic<Readiness>& readiness,
                         std::function<std::string()> details = {})
      : readiness_(readiness), details_(std::move(details)) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const std::atomic<Readiness>& readiness_;
  std::function<std::string()> details_;
};

/// An endpoint whose JSON text is made anew at each call, by a function that is thread safe and
/// does not block: GET /live, /health, /admin/config.
class TextEndpoint final : public Endpoint {
 public:
  TextEndpoint(std::function<std::string()> make, std::string_view content_type)
      : make_(std::move(make)), content_type_(content_type) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  std::function<std::string()> make_;
  std::string_view content_type_;
};

}  // namespace headgate::api
