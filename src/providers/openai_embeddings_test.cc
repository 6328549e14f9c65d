#include <string>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

const Provider& openai() { return *provider_for("openai"); }

TEST(OpenAiEmbeddings, TheCallAsksForNumbers) {
  model::EmbeddingRequest request;
  request.inputs = {"a \"b\"", "c"};
  request.dimensions = 256;
  request.encoding = model::EmbeddingRequest::Encoding::Base64;
  request.user = "ann";
  auto wire = openai().encode_embedding(request, {.model = "e", .json_model = "\"e\""});
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/embeddings");
  EXPECT_EQ(
      wire->body[0],
      R"({"model":"e","input":["a \"b\"","c"],"encoding_format":"float","dimensions":256,"user":"ann"})");
}

TEST(OpenAiEmbeddings, NumbersAndBase64AreReadAlikeInTheOrderOfTheInputs) {
  const auto answer = openai().decode_embedding(
      R"({"object":"list","data":[{"object":"embedding","index":1,"embedding":[0.5,-2,1e-3]},)"
      R"({"object":"embedding","index":0,"embedding":"AACAPwAAAMA="}],"model":"e",)"
      R"("usage":{"prompt_tokens":8,"total_tokens":8}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->model, "e");
  EXPECT_EQ(answer->vectors[0], (std::vector<float>{1, -2}));
  EXPECT_EQ(answer->vectors[1], (std::vector<float>{0.5F, -2, 1e-3F}));
  EXPECT_EQ(answer->usage.input_tokens, 8);
}

TEST(OpenAiEmbeddings, WhatIsNoAnswerIsAFailure) {
  for (const char* body :
       {"", "[]", "{}", R"({"data":[]})", R"({"data":[{"index":0}]})",
        R"({"data":[{"index":1,"embedding":[1]}]})", R"({"data":[{"index":0,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
        R"({"data":[{"embedding":"AAA="}]})", R"({"data":[{"embedding":["x"]}]})",
        R"({"error":{"message":"boom"}})"}) {
    const auto answer = openai().decode_embedding(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed) << body;
  }
}

}  // namespace
}  // namespace headgate::providers
