#include "api/remote_documents.h"

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

using model::Kind;

DocumentRequest request_of(std::string url = "https://files.example/a.png") {
  DocumentRequest request;
  request.urls.push_back(std::move(url));
  return request;
}

std::string members_of(Kind kind, const DocumentRequest& request, std::string_view output) {
  return decode_remote_documents(kind, request, output).value().members;
}

TEST(RemoteDocuments, ConfidenceIsReadAsANumberToo) {
  const auto sure_of = [](Kind kind, std::string_view output) {
    return decode_remote_documents(kind, request_of(), output).value().confidence;
  };
  EXPECT_EQ(sure_of(Kind::Classify, R"({"type":"W2","confidence":0.25})"), 0.25);
  EXPECT_EQ(sure_of(Kind::Classify, R"({"type":"W2","confidence":7})"), 1);
  EXPECT_EQ(sure_of(Kind::Classify, R"({"type":"W2"})"), 0.5);
  EXPECT_EQ(sure_of(Kind::Extract, R"({"data":{},"confidence":{"overall":0.75}})"), 0.75);
  EXPECT_EQ(sure_of(Kind::Ocr, R"({"raw_ocr":{"combined_text":"x"}})"), 1) << "it is never asked";
}

TEST(RemoteDocuments, ARequestIsPutAsTheHandlersKnowIt) {
  DocumentRequest request = request_of();
  request.urls.emplace_back("https://files.example/b.png?x=\"1\"");
  EXPECT_EQ(
      encode_remote_documents(Kind::Classify, request),
      R"({"image_urls":["https://files.example/a.png","https://files.example/b.png?x=\"1\""]})");
  request.urls.pop_back();
  request.doc_type = "W2";
  request.prompt = "read";
  request.prompt_mode = "layout_all";
  EXPECT_EQ(encode_remote_documents(Kind::Extract, request),
            R"({"image_urls":["https://files.example/a.png"],"doc_type":"W2","prompt":"read",)"
            R"("prompt_mode":"layout_all"})");
}

TEST(RemoteDocuments, WhatTheHandlersCannotBeAskedIsNamed) {
  EXPECT_EQ(encode_remote_documents(Kind::Classify, request_of("data:image/png;base64,AAAA"))
                .error()
                .param,
            "image_urls");
  DocumentRequest uploaded;
  uploaded.files.emplace_back("bytes");
  EXPECT_EQ(encode_remote_documents(Kind::Classify, uploaded).error().param, "image_urls");
  EXPECT_EQ(encode_remote_documents(Kind::Extract, request_of()).error().param, "doc_type");
  DocumentRequest layout = request_of();
  layout.output = "layout";
  EXPECT_EQ(encode_remote_documents(Kind::Ocr, layout).error().param, "output");
}

TEST(RemoteDocuments, AClassificationIsRead) {
  EXPECT_EQ(members_of(Kind::Classify, request_of(),
                       R"({"type":"W2","confidence":0.95,"reasoning":"boxes","latency_ms":7})"),
            R"("type":"W2","confidence":0.950,"reasoning":"boxes")");
  EXPECT_EQ(members_of(Kind::Classify, request_of(), R"({"type":"other"})"),
            R"("type":"other","confidence":0.500,"reasoning":"")");
}

TEST(RemoteDocuments, AnExtractionIsReadWithItsDataAsItStands) {
  DocumentRequest request = request_of();
  request.doc_type = "W2";
  constexpr std::string_view kOutput =
      R"({"data":{"wages":52000.10,"id":12345678901234567890},"confidence":{"overall":0.9,)"
      R"("page_count":2},"doc_type":"W2","page_count":2,"raw_ocr":{"combined_text":"all text"}})";
  EXPECT_EQ(members_of(Kind::Extract, request, kOutput),
            R"("data":{"wages":52000.10,"id":12345678901234567890},"confidence":0.900,)"
            R"("doc_type":"W2","page_count":2)");
  request.include_raw = true;
  EXPECT_TRUE(members_of(Kind::Extract, request, kOutput)
                  .ends_with(R"("page_count":2,"raw_ocr":"all text")"));
}

TEST(RemoteDocuments, TextIsWhatAllPagesSay) {
  EXPECT_EQ(members_of(Kind::Ocr, request_of(),
                       R"({"data":{},"page_count":1,"raw_ocr":{"combined_text":"one\ntwo"}})"),
            R"("output":"text","page_count":1,"text":"one\ntwo")");
}

TEST(RemoteDocuments, WhatIsNoAnswerIsAFailureOfTheWorker) {
  for (const Kind kind : {Kind::Classify, Kind::Extract, Kind::Ocr}) {
    for (const std::string_view output :
         {"", "7", "[]", "{}", R"({"error":"No image_urls provided","type":"W2","data":{}})",
          R"({"type":7,"data":[],"raw_ocr":"x"})"}) {
      const auto read = decode_remote_documents(kind, request_of(), output);
      ASSERT_FALSE(read) << output;
      EXPECT_EQ(read.error().kind, ErrorKind::UpstreamFailed);
    }
  }
}

}  // namespace
}  // namespace headgate::api
