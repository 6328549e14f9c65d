#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

model::EmbeddingRequest asking(std::vector<std::string> inputs) {
  model::EmbeddingRequest request;
  request.inputs = std::move(inputs);
  return request;
}

const TargetName kTarget{.model = "gemini-embedding-001", .json_model = ""};

TEST(GeminiEmbedding, OneInputIsACallOfItsOwn) {
  model::EmbeddingRequest request = asking({"a \"b\""});
  request.dimensions = 768;
  auto wire = provider_for("gemini")->encode_embedding(request, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/v1beta/models/gemini-embedding-001:embedContent");
  EXPECT_EQ(wire->owned,
            R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a \"b\""}]},)"
            R"("outputDimensionality":768})");
}

TEST(GeminiEmbedding, SeveralInputsAreABatch) {
  auto wire = provider_for("gemini")->encode_embedding(asking({"a", "b"}), kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
  EXPECT_EQ(
      wire->owned,
      R"({"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}},)"
      R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]}}]})");
}

TEST(GeminiEmbedding, VectorsAreGivenTheLengthOne) {
  const auto answer = provider_for("gemini")->decode_embedding(
      R"({"embeddings":[{"values":[3,-4]},{"values":[0.6,0.8]},{"values":[0,0]}]})");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->vectors.size(), 3U);
  EXPECT_EQ(answer->vectors[0], (std::vector<float>{0.6F, -0.8F}));
  EXPECT_EQ(answer->vectors[1], (std::vector<float>{0.6F, 0.8F})) << "as told";
  EXPECT_EQ(answer->vectors[2], (std::vector<float>{0, 0}));
  EXPECT_EQ(answer->usage.input_tokens, -1);
}

TEST(GeminiEmbedding, TokensAreToldWhereTheVendorDoes) {
  const auto answer = provider_for("gemini")->decode_embedding(
      R"({"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":9}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->vectors, (std::vector<std::vector<float>>{{1}}));
  EXPECT_EQ(answer->usage.input_tokens, 9);
  EXPECT_EQ(answer->usage.output_tokens, -1);
}

TEST(GeminiEmbedding, WhatIsNoEmbeddingIsTheVendorsFailure) {
  for (const char* body : {"", "{", "[]", "{}", R"({"embeddings":[]})", R"({"embeddings":[{}]})",
                           R"({"embedding":{"values":[]}})", R"({"embedding":{"values":["x"]}})",
                           R"({"embeddings":[{"values":[1]},{"values":[null]}]})"}) {
    const auto answer = provider_for("gemini")->decode_embedding(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed) << body;
  }
}

}  // namespace
}  // namespace headgate::providers
