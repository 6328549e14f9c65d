#include "api/docs_pages.h"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "api/negotiation.h"
#include "base/encoding.h"
#include "base/hash.h"

namespace headgate::api {
namespace {

// Nothing from elsewhere and no script but files of ours. Redoc writes its styles into the page and
// builds its search index in a worker made from a blob; Swagger UI needs neither.
constexpr std::string_view kSwaggerPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
constexpr std::string_view kRedocPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'";
constexpr std::string_view kAssetPolicy = "default-src 'none'; frame-ancestors 'none'";

// Addresses are relative, so that the pages also work behind a proxy's path prefix.
constexpr std::string_view kPageHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Headgate API</title>
<link rel="icon" href="data:,">
)";

constexpr std::string_view kPageBody = R"(</head>
<body>
<div id="viewer"></div>
)";

constexpr std::string_view kPageEnd = R"(</body>
</html>
)";

constexpr std::string_view kPageStyle = "body { margin: 0; }\n";

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

std::string version_of(std::string_view bytes) { return hex(as_view(sha256(bytes)).substr(0, 8)); }

struct OwnFile {
  std::string_view name;
  std::string_view bytes;
  std::string_view content_type;
};
constexpr std::array kOwnFiles = {
    OwnFile{"page.css", kPageStyle, "text/css; charset=utf-8"},
    OwnFile{"swagger-start.js", kSwaggerStart, kScript},
    OwnFile{"redoc-start.js", kRedocStart, kScript},
};

std::optional<Asset> own_asset(std::string_view name) {
  static const std::string version = [] {
    std::string all;
    for (const OwnFile& file : kOwnFiles) {
      all.append(file.bytes);
    }
    return version_of(all);
  }();
  const auto file = std::ranges::find(kOwnFiles, name, &OwnFile::name);
  if (file == kOwnFiles.end()) {
    return std::nullopt;
  }
  return Asset{
      .bytes = file->bytes, .gzip = {}, .content_type = file->content_type, .version = version};
}

std::optional<Asset> any_asset(std::string_view name, AssetFinder find) {
  auto own = own_asset(name);
  return own ? own : find(name);
}

std::string address_of(std::string_view name, AssetFinder find) {
  const auto asset = any_asset(name, find);
  if (!asset) {
    throw std::logic_error("the file " + std::string(name) + " is not part of the binary");
  }
  return "docs/assets/" + std::string(name) + "?v=" + std::string(asset->version);
}

std::string style_tag(std::string_view name, AssetFinder find) {
  return "<link rel=\"stylesheet\" href=\"" + address_of(name, find) + "\">\n";
}

std::string script_tag(std::string_view name, AssetFinder find) {
  return "<script src=\"" + address_of(name, find) + "\"></script>\n";
}

std::string make_page(DocsPage::Viewer viewer, AssetFinder find) {
  std::string page(kPageHead);
  page.append(style_tag("page.css", find));
  if (viewer == DocsPage::Viewer::SwaggerUi) {
    page.append(style_tag("swagger-ui.css", find)).append(kPageBody);
    page.append(script_tag("swagger-ui-bundle.js", find));
    page.append(script_tag("swagger-start.js", find));
  } else {
    page.append(kPageBody);
    page.append(script_tag("redoc.standalone.js", find));
    page.append(script_tag("redoc-start.js", find));
  }
  return page.append(kPageEnd);
}

/// Bytes that live as long as the program, sent without a copy.
class StaticBody final : public edge::BodyStream {
 public:
  explicit StaticBody(std::string_view bytes) : bytes_(bytes) {}
  Task<Result<std::string_view>> next() override { co_return std::exchange(bytes_, {}); }

 private:
  std::string_view bytes_;
};

void add_safety_fields(edge::Response& response, std::string_view policy) {
  response.add_field("Content-Security-Policy", policy);
  response.add_field("X-Content-Type-Options", "nosniff");
  response.add_field("Referrer-Policy", "no-referrer");
}

}  // namespace

DocsPage::DocsPage(Viewer viewer, AssetFinder find)
    : page_(make_page(viewer, find)),
      policy_(viewer == Viewer::SwaggerUi ? kSwaggerPolicy : kRedocPolicy),
      etag_('"' + version_of(page_) + '"') {}

Task<Result<edge::Response>> DocsPage::handle(Call call) const {
  edge::Response response;
  response.content_type = "text/html; charset=utf-8";
  add_safety_fields(response, policy_);
  response.add_field("Cache-Control", "no-cache");
  response.add_field("ETag", etag_);
  if (not_modified(call.http, etag_)) {
    response.status = 304;
  } else {
    response.body = page_;
  }
  co_return response;
}

Task<Result<edge::Response>> DocsAssets::handle(Call call) const {
  const std::optional<Asset> asset = any_asset(call.path_values.front(), find_);
  if (!asset) {
    co_return fail(not_found("There is no such file.", "unknown_url"));
  }
  const bool zipped = !asset->gzip.empty() && accepts_gzip(call.http);
  const bool versioned = call.http.query == "v=" + std::string(asset->version);
  const std::string etag = '"' + std::string(asset->version) + (zipped ? "-gzip\"" : "\"");
  edge::Response response;
  response.content_type = asset->content_type;
  add_safety_fields(response, kAssetPolicy);
  response.add_field("Cache-Control",
                     versioned ? "public, max-age=31536000, immutable" : "no-cache");
  response.add_field("ETag", etag);
  if (!asset->gzip.empty()) {
    response.add_field("Vary", "Accept-Encoding");
  }
  if (not_modified(call.http, etag)) {
    response.status = 304;
    co_return response;
  }
  if (zipped) {
    response.add_field("Content-Encoding", "gzip");
  }
  const std::string_view bytes = zipped ? asset->gzip : asset->bytes;
  response.stream_length = bytes.size();
  response.stream = std::make_unique<StaticBody>(bytes);
  co_return response;
}

}  // namespace headgate::api
