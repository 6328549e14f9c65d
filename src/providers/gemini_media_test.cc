#include <string>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

const TargetName kTarget{.model = "gemini-x", .json_model = "\"gemini-x\""};

std::string body_of(const WireRequest& wire) {
  std::string out;
  for (std::size_t i = 0; i < wire.pieces; ++i) {
    out.append(wire.body[i]);
  }
  return out;
}

std::string answer(const std::string& part, const std::string& finish = "STOP") {
  return R"({"candidates":[{"content":{"role":"model","parts":[)" + part +
         R"(]},"finishReason":")" + finish +
         R"("}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290,"totalTokenCount":1295}})";
}

TEST(GeminiMedia, AnImageIsAskedForByItsShape) {
  const Provider& gemini = *provider_for("gemini");
  const auto wire =
      gemini.encode_image({.prompt = "a \"cat\"", .width = 1536, .height = 1024}, kTarget);
  ASSERT_TRUE(wire) << wire.error().message;
  EXPECT_EQ(wire->path, "/v1beta/models/gemini-x:generateContent");
  EXPECT_EQ(body_of(*wire),
            R"({"contents":[{"role":"user","parts":[{"text":"a \"cat\""}]}],"generationConfig":)"
            R"({"responseModalities":["IMAGE"],"imageConfig":{"aspectRatio":"3:2"}}})");
  const auto plain = gemini.encode_image({.prompt = "x"}, kTarget);
  ASSERT_TRUE(plain);
  EXPECT_EQ(body_of(*plain).find("imageConfig"), std::string::npos);
  const auto odd = gemini.encode_image({.prompt = "x", .width = 1792, .height = 1024}, kTarget);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().param, "size");
}

TEST(GeminiMedia, ImagesComeFromThePartsWithBytes) {
  const auto read = provider_for("gemini")->decode_image(
      answer(R"({"text":"Here:"},{"inlineData":{"mimeType":"image/png","data":"iVBO"}})"));
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->images.size(), 1U);
  EXPECT_EQ(read->images[0].media_type, "image/png");
  EXPECT_EQ(read->images[0].base64, "iVBO");
  EXPECT_EQ(read->usage.input_tokens, 5);
  EXPECT_EQ(read->usage.output_tokens, 1290);
}

TEST(GeminiMedia, WordsInPlaceOfAnImageAreAFailureOrARefusal) {
  const Provider& gemini = *provider_for("gemini");
  const auto words = gemini.decode_image(answer(R"({"text":"I would draw a cat."})"));
  ASSERT_FALSE(words);
  EXPECT_EQ(words.error().kind, ErrorKind::UpstreamFailed);
  const auto refused = gemini.decode_image(
      R"({"candidates":[{"finishReason":"IMAGE_SAFETY"}],"usageMetadata":{"promptTokenCount":5}})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(refused.error().code, "content_policy_violation");
}

TEST(GeminiMedia, SpeechIsAskedForByItsVoiceAndComesAsSamples) {
  const Provider& gemini = *provider_for("gemini");
  const auto wire = gemini.encode_speech({.input = "Hello", .voice = "Kore"}, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(body_of(*wire),
            R"({"contents":[{"role":"user","parts":[{"text":"Hello"}]}],"generationConfig":)"
            R"({"responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":)"
            R"({"prebuiltVoiceConfig":{"voiceName":"Kore"}}}}})");
  const auto read = gemini.decode_speech(
      answer(R"({"inlineData":{"mimeType":"audio/L16;codec=pcm;rate=16000","data":"AQID"}})"));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->samples, "\x01\x02\x03");
  EXPECT_EQ(read->rate, 16'000U);
  EXPECT_FALSE(
      gemini.decode_speech(answer(R"({"inlineData":{"mimeType":"audio/mp3","data":"AQID"}})")));
  EXPECT_FALSE(gemini.decode_speech(
      answer(R"({"inlineData":{"mimeType":"audio/L16","data":"not base64"}})")));
}

}  // namespace
}  // namespace headgate::providers
