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
  if (name != "swagger-ui.css") {
    return std::nullopt;
  }
  return Asset{.bytes = "zipped",
               .content_type = "text/css",
               .etag = "\"tag\"",
               .coding = Asset::Coding::Gzip};
}

Result<edge::Response> get(const Endpoint& endpoint, const std::string& name = {},
                           std::string_view if_none_match = {}) {
  EventLoop loop;
  model::RequestContext context;
  edge::Request request;
  const std::array fields = {edge::Field{"If-None-Match", if_none_match}};
  request.fields = fields;
  const std::array values = {name};
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
    const auto page = get(DocsPage(viewer));
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

TEST(DocsAssets, EveryFileThePagesNameCanBeAskedFor) {
  const DocsAssets assets(&find);
  auto start = get(assets, "swagger-start.js");
  ASSERT_TRUE(start);
  EXPECT_THAT(stream_text(*start), HasSubstr("openapi.json"));
  auto redoc = get(assets, "redoc-start.js");
  ASSERT_TRUE(redoc);
  EXPECT_THAT(stream_text(*redoc), HasSubstr("Redoc.init"));
}

TEST(DocsAssets, SendsStoredBytesWithTheirCoding) {
  const DocsAssets assets(&find);
  auto style = get(assets, "swagger-ui.css");
  ASSERT_TRUE(style);
  EXPECT_THAT(style->fields, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_EQ(style->content_type, "text/css");
  EXPECT_EQ(style->stream_length, 6U);
  EXPECT_EQ(stream_text(*style), "zipped");
}

TEST(DocsAssets, AKnownTagIsNotModified) {
  const auto style = get(DocsAssets(&find), "swagger-ui.css", "\"tag\"");
  ASSERT_TRUE(style);
  EXPECT_EQ(style->status, 304);
  EXPECT_EQ(style->stream, nullptr);
}

TEST(DocsAssets, OtherNamesAreNotFound) {
  for (const char* name : {"", "../etc/passwd", "swagger-ui.css/", "x.js"}) {
    const auto answer = get(DocsAssets(&find), name);
    ASSERT_FALSE(answer) << name;
    EXPECT_EQ(answer.error().kind, ErrorKind::NotFound);
  }
}

}  // namespace
}  // namespace headgate::api
