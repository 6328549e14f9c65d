#include "api/docs_pages.h"

#include <memory>
#include <string>
#include <utility>

#include "api/openapi.h"

namespace headgate::api {
namespace {

// Scripts only from files of ours. Both viewers style elements from their scripts, and Redoc builds
// its search index in a worker made from a blob.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

// Addresses are relative, so that the pages also work behind a proxy's path prefix.
constexpr std::string_view kSwaggerPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Headgate API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="viewer"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/swagger-start.js"></script>
</body>
</html>
)";

constexpr std::string_view kRedocPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Headgate API</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="viewer"></div>
<script src="docs/assets/redoc.standalone.js"></script>
<script src="docs/assets/redoc-start.js"></script>
</body>
</html>
)";

constexpr std::string_view kSwaggerStart = R"(SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: null,
});
)";

constexpr std::string_view kRedocStart =
    R"(Redoc.init("openapi.json", {}, document.getElementById("viewer"));
)";

constexpr std::string_view kScript = "text/javascript; charset=utf-8";

std::optional<Asset> own_asset(std::string_view name) {
  if (name == "swagger-start.js") {
    return Asset{.bytes = kSwaggerStart, .content_type = kScript, .etag = {}};
  }
  if (name == "redoc-start.js") {
    return Asset{.bytes = kRedocStart, .content_type = kScript, .etag = {}};
  }
  return std::nullopt;
}

/// Bytes that live as long as the program, sent without a copy.
class StaticBody final : public edge::BodyStream {
 public:
  explicit StaticBody(std::string_view bytes) : bytes_(bytes) {}
  Task<Result<std::string_view>> next() override { co_return std::exchange(bytes_, {}); }

 private:
  std::string_view bytes_;
};

void add_page_fields(edge::Response& response) {
  response.add_field("Content-Security-Policy", kPolicy);
  response.add_field("X-Content-Type-Options", "nosniff");
  response.add_field("Referrer-Policy", "no-referrer");
}

}  // namespace

Task<Result<edge::Response>> DocsPage::handle(Call) const {
  edge::Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = viewer_ == Viewer::SwaggerUi ? kSwaggerPage : kRedocPage;
  add_page_fields(response);
  response.add_field("Cache-Control", "no-cache");
  co_return response;
}

Task<Result<edge::Response>> DocsAssets::handle(Call call) const {
  const std::string& name = call.path_values.front();
  std::optional<Asset> asset = own_asset(name);
  if (!asset) {
    asset = find_(name);
  }
  if (!asset) {
    co_return fail(not_found("There is no such file.", "unknown_url"));
  }
  edge::Response response;
  response.content_type = asset->content_type;
  add_page_fields(response);
  response.add_field("Cache-Control", "no-cache");
  if (!asset->etag.empty()) {
    response.add_field("ETag", asset->etag);
    if (not_modified(call.http, asset->etag)) {
      response.status = 304;
      co_return response;
    }
  }
  if (asset->coding == Asset::Coding::Gzip) {
    response.add_field("Content-Encoding", "gzip");
  }
  response.stream_length = asset->bytes.size();
  response.stream = std::make_unique<StaticBody>(asset->bytes);
  co_return response;
}

}  // namespace headgate::api
