#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/assets.h"
#include "api/route.h"

namespace headgate::api {

/// GET /docs and GET /redoc: pages that show /openapi.json with Swagger UI or Redoc, from this
/// gateway's own files.
class DocsPage final : public Endpoint {
 public:
  enum class Viewer : std::uint8_t { SwaggerUi, Redoc };
  /// `find` knows the viewer's files. Throws std::logic_error if it does not.
  DocsPage(Viewer viewer, AssetFinder find);
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  std::string page_;
  std::string_view policy_;
  std::string etag_;
};

/// GET /docs/assets/{name}: the viewers' scripts and styles. An address with ?v=<the file's
/// version>, as the pages have it, may be kept for ever.
class DocsAssets final : public Endpoint {
 public:
  /// `find` knows swagger-ui.css, swagger-ui-bundle.js and redoc.standalone.js.
  explicit DocsAssets(AssetFinder find) : find_(find) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  AssetFinder find_;
};

}  // namespace headgate::api
