#include "api/app_requests.h"

#include <array>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace headgate::api {
namespace {

namespace json = boost::json;

Result<OcrBody> body_of(const std::string& text, std::string_view resolution = {}) {
  std::string padded = text;
  padded.reserve(text.size() + edge::kBodyPadding);
  const std::array<edge::Field, 2> fields = {
      {{"Content-Type", "application/json"}, {"X-Resolution", resolution}}};
  edge::Request request;
  request.fields = std::span(fields).first(resolution.empty() ? 1 : 2);
  request.body = padded;
  return make_ocr_body(request, "large");
}

json::object members_of(const Result<OcrBody>& body) {
  return json::parse(body.value().json).as_object();
}

TEST(OcrBody, HoldsTheImagesAndTextsOfTheMessages) {
  const auto body = body_of(R"({"model":"m","max_tokens":9,"messages":[
      {"role":"system","content":"You read."},
      {"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:,1"}},
        {"type":"image_url","image_url":"https://files.test/2.pdf"},
        {"type":"text","text":"Free OCR."}]}]})");

  const json::object members = members_of(body);
  EXPECT_EQ(json::serialize(members.at("image_urls")), R"(["data:,1","https://files.test/2.pdf"])");
  EXPECT_EQ(members.at("prompt").as_string(), "You read.\nFree OCR.");
  EXPECT_EQ(members.at("model").as_string(), "m");
  EXPECT_FALSE(members.contains("messages"));
  EXPECT_FALSE(members.contains("output"));
}

TEST(OcrBody, KeepsTheMembersOfV1Ocr) {
  const json::object members = members_of(
      body_of(R"({"image_urls":["data:,1"],"output":"layout","webhook_url":"https://h.test/"})"));
  EXPECT_EQ(json::serialize(members.at("image_urls")), R"(["data:,1"])");
  EXPECT_EQ(members.at("output").as_string(), "layout");
  EXPECT_EQ(members.at("webhook_url").as_string(), "https://h.test/");
}

TEST(OcrBody, AsksForMarkdownWhenATextDoesUnlessTheOutputIsNamed) {
  const std::string messages = R"("messages":[{"role":"user","content":[
      {"type":"image_url","image_url":{"url":"data:,1"}},
      {"type":"text","text":"<|grounding|>Convert the document to Markdown."}]}])";
  EXPECT_EQ(members_of(body_of("{" + messages + "}")).at("output").as_string(), "markdown");
  EXPECT_EQ(members_of(body_of(R"({"output":"text",)" + messages + "}")).at("output").as_string(),
            "text");
}

TEST(OcrBody, TakesTheResolutionOfTheBodyThenOfTheHeaderThenTheUsual) {
  const std::string with = R"({"image_urls":["data:,1"],"resolution":"tiny"})";
  const std::string without = R"({"image_urls":["data:,1"]})";
  EXPECT_EQ(body_of(with, "base")->resolution, "tiny");
  EXPECT_EQ(body_of(without, "base")->resolution, "base");
  EXPECT_EQ(body_of(without)->resolution, "large");
  EXPECT_EQ(members_of(body_of(without, "base")).at("resolution").as_string(), "base");
}

TEST(OcrBody, RefusesWhatNamesNoDocument) {
  for (const char* text :
       {R"({})", R"({"messages":[]})", R"({"messages":7})", R"({"messages":["x"]})",
        R"({"messages":[{"role":"user"}]})", R"({"messages":[{"content":"only text"}]})",
        R"({"messages":[{"content":[{"type":"image_url"}]}]})",
        R"({"messages":[{"content":[{"type":"image_url","image_url":{}}]}]})",
        R"({"messages":[{"content":[{"type":"text"}]}]})",
        R"({"messages":[{"content":[{"type":"input_audio"}]}]})",
        R"({"messages":[{"content":[7]}]})"}) {
    const auto body = body_of(text);
    ASSERT_FALSE(body) << text;
    EXPECT_EQ(body.error().kind, ErrorKind::InvalidRequest) << text;
    EXPECT_EQ(body.error().param, "messages") << text;
  }
  EXPECT_EQ(body_of(R"({"image_urls":["data:,1"],"resolution":7})").error().param, "resolution");
}

}  // namespace
}  // namespace headgate::api
