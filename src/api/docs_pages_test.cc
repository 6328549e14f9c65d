#include "api/docs_pages.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/event_loop.h"

namespace headgate::api {
namespace {

using testing::HasSubstr;
using testing::Not;

std::optional<Asset> find(std::string_view name) {
  if (name == "swagger-ui.css") {
    return Asset{.bytes = "plain", .gzip = "zip", .content_type = "text/css", .version = "12ab"};
  }
  if (name == "swagger-ui-bundle.js" || name == "redoc.standalone.js") {
    return Asset{
        .bytes = "script", .gzip = {}, .content_type = "text/javascript", .version = "34cd"};
  }
  return std::nullopt;
}

struct Ask {
  std::string name = {};
  std::string_view query = {};
  std::string_view if_none_match = {};
  std::string_view accept_encoding = {};
};

Result<edge::Response> get(const Endpoint& endpoint, const Ask& ask = {}) {
  EventLoop loop;
  model::RequestContext context;
  edge::Request request;
  request.query = ask.query;
  const std::array fields = {edge::Field{"If-None-Match", ask.if_none_match},
                             edge::Field{"Accept-Encoding", ask.accept_encoding}};
  request.fields = fields;
  const std::array values = {ask.name};
  const Call call{request, context, values};
  return run_on(loop, endpoint.handle(call));
}

std::string stream_text(edge::Response& response) {
  EventLoop loop;
  std::string text;
  for (;;) {
    auto piece = run_on(loop, response.stream->next());
    if (!piece || piece->empty()) {
      return text;
    }
    text.append(*piece);
  }
}

TEST(DocsPages, LoadOnlyFilesOfThisGatewayAndNoInlineScript) {
  for (const auto viewer : {DocsPage::Viewer::SwaggerUi, DocsPage::Viewer::Redoc}) {
    const auto page = get(DocsPage(viewer, &find));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
    EXPECT_THAT(page->body, Not(HasSubstr("<script>")));
    EXPECT_THAT(page->body, Not(HasSubstr("http:")));
    EXPECT_THAT(page->body, Not(HasSubstr("https:")));
    EXPECT_THAT(page->body, Not(HasSubstr("//")));
    EXPECT_THAT(page->fields, HasSubstr("script-src 'self';"));
    EXPECT_THAT(page->fields, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(page->fields, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  }
}

TEST(DocsPages, NameTheVersionOfEachFile) {
  const auto swagger = get(DocsPage(DocsPage::Viewer::SwaggerUi, &find));
  EXPECT_THAT(swagger->body, HasSubstr("\"docs/assets/swagger-ui.css?v=12ab\""));
  EXPECT_THAT(swagger->body, HasSubstr("\"docs/assets/swagger-ui-bundle.js?v=34cd\""));
  EXPECT_THAT(swagger->body, HasSubstr("\"docs/assets/swagger-start.js?v="));
  const auto redoc = get(DocsPage(DocsPage::Viewer::Redoc, &find));
  EXPECT_THAT(redoc->body, HasSubstr("\"docs/assets/redoc.standalone.js?v=34cd\""));
  EXPECT_THAT(redoc->body, HasSubstr("\"docs/assets/redoc-start.js?v="));
}

TEST(DocsPages, AKnownPageIsNotModified) {
  const DocsPage page(DocsPage::Viewer::Redoc, &find);
  const auto first = get(page);
  const std::size_t tag = first->fields.find("ETag: ") + 6;
  const std::string etag = first->fields.substr(tag, first->fields.find('\r', tag) - tag);
  const auto second = get(page, {.if_none_match = etag});
  EXPECT_EQ(second->status, 304);
  EXPECT_TRUE(second->body.empty());
}

TEST(DocsPages, AMissingFileIsABug) {
  const AssetFinder nothing = [](std::string_view) { return std::optional<Asset>(); };
  EXPECT_THROW(DocsPage(DocsPage::Viewer::Redoc, nothing), std::logic_error);
}

TEST(DocsAssets, EveryFileThePagesNameCanBeAskedFor) {
  const DocsAssets assets(&find);
  auto start = get(assets, {.name = "swagger-start.js"});
  ASSERT_TRUE(start);
  EXPECT_THAT(stream_text(*start), HasSubstr("openapi.json"));
  auto redoc = get(assets, {.name = "redoc-start.js"});
  ASSERT_TRUE(redoc);
  EXPECT_THAT(stream_text(*redoc), HasSubstr("Redoc.init"));
}

TEST(DocsAssets, SendsTheCompressedBytesOnlyToWhoTakesThem) {
  const DocsAssets assets(&find);
  auto zipped = get(assets, {.name = "swagger-ui.css", .accept_encoding = "br, gzip"});
  ASSERT_TRUE(zipped);
  EXPECT_THAT(zipped->fields, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(zipped->fields, HasSubstr("Vary: Accept-Encoding\r\n"));
  EXPECT_THAT(zipped->fields, HasSubstr("ETag: \"12ab-gzip\"\r\n"));
  EXPECT_EQ(zipped->content_type, "text/css");
  EXPECT_EQ(zipped->stream_length, 3U);
  EXPECT_EQ(stream_text(*zipped), "zip");

  auto plain = get(assets, {.name = "swagger-ui.css"});
  ASSERT_TRUE(plain);
  EXPECT_THAT(plain->fields, Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(plain->fields, HasSubstr("Vary: Accept-Encoding\r\n"));
  EXPECT_THAT(plain->fields, HasSubstr("ETag: \"12ab\"\r\n"));
  EXPECT_EQ(stream_text(*plain), "plain");
}

TEST(DocsAssets, OnlyAnAddressWithTheRightVersionIsKeptForEver) {
  const DocsAssets assets(&find);
  const auto versioned = get(assets, {.name = "swagger-ui.css", .query = "v=12ab"});
  EXPECT_THAT(versioned->fields, HasSubstr("max-age=31536000, immutable"));
  for (const char* query : {"", "v=", "v=12a", "v=12abc", "w=12ab"}) {
    const auto other = get(assets, {.name = "swagger-ui.css", .query = query});
    EXPECT_THAT(other->fields, HasSubstr("Cache-Control: no-cache\r\n")) << query;
  }
}

TEST(DocsAssets, AKnownTagIsNotModified) {
  const auto style =
      get(DocsAssets(&find), {.name = "swagger-ui.css", .if_none_match = "\"12ab\""});
  ASSERT_TRUE(style);
  EXPECT_EQ(style->status, 304);
  EXPECT_EQ(style->stream, nullptr);
}

TEST(DocsAssets, OtherNamesAreNotFound) {
  for (const char* name : {"", "../etc/passwd", "swagger-ui.css/", "x.js"}) {
    const auto answer = get(DocsAssets(&find), {.name = name});
    ASSERT_FALSE(answer) << name;
    EXPECT_EQ(answer.error().kind, ErrorKind::NotFound);
  }
}

}  // namespace
}  // namespace headgate::api
