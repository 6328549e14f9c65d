#include "dispatch/kinds.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::dispatch {
namespace {

const providers::TargetName kTarget{.model = "m", .json_model = "\"m\""};

model::InferenceRequest embedding(std::string_view body, bool base64) {
  model::InferenceRequest request;
  request.kind = model::Kind::Embedding;
  request.body = body;
  request.base64 = base64;
  return request;
}

TEST(Kinds, EmbeddingsAreAskedForInTheVendorsWords) {
  const auto& gemini = *providers::provider_for("gemini");
  const auto wire = encode_kind(
      gemini, embedding(R"({"model":"x","input":["a","b"],"dimensions":8})", false), kTarget);
  ASSERT_TRUE(wire) << wire.error().message;
  EXPECT_EQ(wire->path, "/v1beta/models/m:batchEmbedContents");
  const auto tokens =
      encode_kind(gemini, embedding(R"({"model":"x","input":[[1,2]]})", false), kTarget);
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().param, "input");
}

TEST(Kinds, VectorsComeAsTheClientAskedForThem) {
  const auto& gemini = *providers::provider_for("gemini");
  constexpr std::string_view kAnswer = R"({"embedding":{"values":[0.6,0.8]}})";
  const auto numbers =
      decode_kind(gemini, embedding(R"({"model":"x","input":"a"})", false), {}, kAnswer);
  ASSERT_TRUE(numbers) << numbers.error().detail;
  EXPECT_NE(numbers->body.find("[0.6,0.8]"), std::string::npos) << numbers->body;
  const auto text =
      decode_kind(gemini, embedding(R"({"model":"x","input":"a"})", true), {}, kAnswer);
  ASSERT_TRUE(text);
  EXPECT_NE(text->body.find(R"("embedding":"mpkZP83MTD8=")"), std::string::npos) << text->body;
}

TEST(Kinds, AnotherNumberOfVectorsThanOfInputsIsNoAnswer) {
  const auto answer = decode_kind(*providers::provider_for("gemini"),
                                  embedding(R"({"model":"x","input":["a","b"]})", false), {},
                                  R"({"embeddings":[{"values":[1]}]})");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed);
}

TEST(Kinds, WhatAVendorDoesNotOfferNamesTheModel) {
  model::InferenceRequest request;
  request.kind = model::Kind::Rerank;
  request.body = R"({"model":"x"})";
  const auto wire = encode_kind(*providers::provider_for("gemini"), request, kTarget);
  ASSERT_FALSE(wire);
  EXPECT_EQ(wire.error().param, "model");
  request.kind = model::Kind::Image;
  request.body = R"({"model":"x","prompt":"y"})";
  EXPECT_EQ(encode_kind(*providers::provider_for("anthropic"), request, kTarget).error().param,
            "model");
}

TEST(Kinds, NumbersInPlaceOfBase64AreSeen) {
  const auto asked = embedding("{}", true);
  EXPECT_TRUE(
      needs_base64(asked, R"({"data":[{"object":"embedding","index":0,"embedding" : [0.1]}]})"));
  EXPECT_FALSE(
      needs_base64(asked, R"({"data":[{"object":"embedding","index":0,"embedding":"AAA="}]})"));
  EXPECT_FALSE(needs_base64(asked, R"({"object":"embedding"})"));
  EXPECT_FALSE(needs_base64(embedding("{}", false), R"({"embedding":[0.1]})"));
}

}  // namespace
}  // namespace headgate::dispatch
