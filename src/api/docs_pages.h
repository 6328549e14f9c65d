#pragma once

#include <cstdint>

#include "api/assets.h"
#include "api/route.h"

namespace headgate::api {

/// GET /docs and GET /redoc: pages that show /openapi.json with Swagger UI or Redoc, from this
/// gateway's own files.
class DocsPage final : public Endpoint {
 public:
  enum class Viewer : std::uint8_t { SwaggerUi, Redoc };
  explicit DocsPage(Viewer viewer) : viewer_(viewer) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  Viewer viewer_;
};

/// GET /docs/assets/{name}: the viewers' scripts and styles.
class DocsAssets final : public Endpoint {
 public:
  /// `find` knows swagger-ui.css, swagger-ui-bundle.js and redoc.standalone.js.
  explicit DocsAssets(AssetFinder find) : find_(find) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  AssetFinder find_;
};

}  // namespace headgate::api
