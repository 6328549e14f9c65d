#include "dialects/openai_media.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace headgate::dialects {
namespace {

using Format = model::SpeechRequest::Format;

TEST(OpenAiMedia, AnImageIsAPromptAndASize) {
  const auto image = decode_openai_image(
      R"({"model":"m","prompt":"a cat","n":1,"size":"1024x1536","quality":"auto","user":"u",)"
      R"("response_format":"b64_json","stream":false,"style":null})");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->prompt, "a cat");
  EXPECT_EQ(image->width, 1024);
  EXPECT_EQ(image->height, 1536);
  EXPECT_EQ(decode_openai_image(R"({"prompt":"x","size":"auto"})")->width, 0);
}

TEST(OpenAiMedia, WhatAnImageModelElsewhereCannotDoIsNamed) {
  for (const auto& [member, field] : {std::pair{R"("n":2)", "n"},
                                      {R"("size":"big")", "size"},
                                      {R"("size":"1x")", "size"},
                                      {R"("size":"0x5")", "size"},
                                      {R"("quality":"high")", "quality"},
                                      {R"("background":"transparent")", "background"},
                                      {R"("output_format":"webp")", "output_format"},
                                      {R"("response_format":"url")", "response_format"},
                                      {R"("style":"vivid")", "style"},
                                      {R"("stream":true)", "stream"},
                                      {R"("partial_images":1)", "partial_images"},
                                      {R"("steps":50)", "steps"}}) {
    const auto image = decode_openai_image(std::string(R"({"prompt":"x",)") + member + "}");
    ASSERT_FALSE(image) << member;
    EXPECT_EQ(image.error().param, field) << member;
  }
}

TEST(OpenAiMedia, ImagesAreWrittenWithTheirUsage) {
  model::ImageAnswer answer;
  answer.images.push_back({.media_type = "image/png", .base64 = "YQ=="});
  answer.usage = {.input_tokens = 5, .output_tokens = 7};
  AnswerFrame frame;
  frame.created = 17;
  EXPECT_EQ(encode_openai_images(answer, frame),
            R"({"created":17,"data":[{"b64_json":"YQ=="}],"output_format":"png",)"
            R"("usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12}})");
}

TEST(OpenAiMedia, SpeechMustBeAskedForInAFormatThatCanBeMade) {
  const auto speech = decode_openai_speech(
      R"({"model":"m","input":"Hi","voice":"Kore","response_format":"wav","speed":1.0})");
  ASSERT_TRUE(speech) << speech.error().message;
  EXPECT_EQ(speech->input, "Hi");
  EXPECT_EQ(speech->voice, "Kore");
  EXPECT_EQ(speech->format, Format::Wav);
  for (const auto& [members, field] :
       {std::pair{R"("voice":"v")", "response_format"},
        {R"("response_format":"mp3")", "response_format"},
        {R"("response_format":"pcm","speed":2)", "speed"},
        {R"("response_format":"pcm","instructions":"sad")", "instructions"},
        {R"("response_format":"pcm","stream_format":"sse")", "stream_format"},
        {R"("response_format":"pcm","voice":{"id":"v"})", "voice"},
        {R"("response_format":"pcm","language":"en")", "language"}}) {
    const auto refused = decode_openai_speech(std::string(R"({"input":"x",)") + members + "}");
    ASSERT_FALSE(refused) << members;
    EXPECT_EQ(refused.error().param, field) << members;
  }
}

TEST(OpenAiMedia, SamplesAreAFileOfTheirOwnRateOrRawAtTheApis) {
  const auto file =
      encode_openai_speech({.samples = "abcd", .rate = 16'000, .usage = {}}, Format::Wav);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->content_type, "audio/wav");
  EXPECT_EQ(file->bytes, std::string("RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0"
                                     "\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\x04\0\0\0abcd",
                                     48));
  const auto raw =
      encode_openai_speech({.samples = "abcd", .rate = 24'000, .usage = {}}, Format::Pcm);
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->bytes, "abcd");
  EXPECT_FALSE(encode_openai_speech({.samples = "abcd", .rate = 16'000, .usage = {}}, Format::Pcm));
}

}  // namespace
}  // namespace headgate::dialects
