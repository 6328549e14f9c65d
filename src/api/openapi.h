#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/route.h"

namespace headgate::api {

/// The OpenAPI 3.1 document of exactly these routes, as JSON text. Throws std::logic_error if a row
/// names a schema that schemas.cc does not have.
std::string openapi_document(std::span<const Route> routes, std::string_view version);

/// GET /openapi.json. Its own row is part of the table it describes, so the text comes later.
class OpenApiEndpoint final : public Endpoint {
 public:
  /// Makes the document. Once, before the first request.
  void describe(std::span<const Route> routes, std::string_view version);
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  std::string document_;
  std::string etag_;
};

}  // namespace headgate::api
