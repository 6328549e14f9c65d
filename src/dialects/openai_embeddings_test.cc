#include "dialects/openai_embeddings.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace headgate::dialects {
namespace {

using Encoding = model::EmbeddingRequest::Encoding;

TEST(OpenAiEmbeddingsDialect, OneTextOrManyAreDecoded) {
  const auto one = decode_openai_embedding(R"({"model":"e","input":"a\n"})");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->inputs, std::vector<std::string>{"a\n"});
  EXPECT_EQ(one->encoding, Encoding::Float);
  const auto many = decode_openai_embedding(
      R"({"model":"e","input":["a","b"],"encoding_format":"base64","dimensions":256,"user":"ann"})");
  ASSERT_TRUE(many);
  EXPECT_EQ(many->inputs.size(), 2U);
  EXPECT_EQ(many->encoding, Encoding::Base64);
  EXPECT_EQ(many->dimensions, 256);
  EXPECT_EQ(many->user, "ann");
}

TEST(OpenAiEmbeddingsDialect, WhatCannotBeEmbeddedIsRefusedByItsName) {
  std::string most = R"({"input":["a")";
  for (int i = 0; i < 2048; ++i) {
    most.append(",\"a\"");
  }
  for (const auto& [body, param] : {
           std::pair<std::string, const char*>{R"({"model":"e"})", "input"},
           {R"({"input":[]})", "input"},
           {R"({"input":""})", "input"},
           {R"({"input":["a",""]})", "input"},
           {R"({"input":[1,2]})", "input"},
           {R"({"input":[[1,2]]})", "input"},
           {R"({"input":{}})", "input"},
           {most + "]}", "input"},
           {R"({"input":"a","encoding_format":"int8"})", "encoding_format"},
           {R"({"input":"a","dimensions":0})", "dimensions"},
           {R"({"input":"a","truncate":true})", "truncate"},
       }) {
    const auto request = decode_openai_embedding(body);
    ASSERT_FALSE(request) << body.substr(0, 80);
    EXPECT_EQ(request.error().param, param) << body.substr(0, 80);
  }
}

TEST(OpenAiEmbeddingsDialect, VectorsAreNumbersOrLittleEndianFloatsInBase64) {
  model::EmbeddingAnswer answer;
  answer.vectors = {{1, -2}, {0.1F}};
  answer.usage.input_tokens = 8;
  const AnswerFrame frame = {.request_id = "r", .model = "public", .request_body = {}};
  EXPECT_EQ(encode_openai_embedding(answer, Encoding::Float, frame),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,-2]},)"
            R"({"object":"embedding","index":1,"embedding":[0.1]}],"model":"public",)"
            R"("usage":{"prompt_tokens":8,"total_tokens":8}})");
  EXPECT_EQ(
      encode_openai_embedding(answer, Encoding::Base64, frame),
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAMA="},)"
      R"({"object":"embedding","index":1,"embedding":"zczMPQ=="}],"model":"public",)"
      R"("usage":{"prompt_tokens":8,"total_tokens":8}})");
}

}  // namespace
}  // namespace headgate::dialects
