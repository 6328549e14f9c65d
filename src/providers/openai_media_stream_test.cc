#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "providers/openai_stream.h"

namespace headgate::providers {
namespace {

constexpr std::string_view kImage =
    "event: image_generation.partial_image\n"
    "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"YQ==\"}\n\n"
    "event: image_generation.completed\r\n"
    "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"YWI=\",\"usage\":"
    "{\"input_tokens\":9,\"output_tokens\":16}}\r\n\r\n";

struct Read {
  std::string out;
  std::optional<Error> error;
  Usage usage;
  bool has_tokens = false;
};

Read read(std::string_view wire, std::size_t size) {
  const auto relay = make_openai_media_stream();
  Read seen;
  for (std::size_t at = 0; at < wire.size() && !seen.error; at += size) {
    const auto out = relay->feed(wire.substr(at, size));
    if (out) {
      seen.out.append(*out);
    } else {
      seen.error = out.error();
    }
  }
  if (!seen.error) {
    const auto end = relay->finish();
    if (end) {
      seen.out.append(*end);
    } else {
      seen.error = end.error();
    }
  }
  seen.usage = relay->usage();
  seen.has_tokens = relay->trail().has_tokens();
  return seen;
}

TEST(OpenAiMediaStream, EventsPassAsTheyCameWhereverTheyAreCut) {
  for (std::size_t size = 1; size <= kImage.size(); ++size) {
    const Read seen = read(kImage, size);
    ASSERT_FALSE(seen.error) << size << ": " << seen.error->detail;
    ASSERT_EQ(seen.out, kImage) << size;
    ASSERT_EQ(seen.usage.input_tokens, 9);
    ASSERT_EQ(seen.usage.output_tokens, 16);
    ASSERT_TRUE(seen.has_tokens);
  }
}

TEST(OpenAiMediaStream, SpeechAndTranscriptsEndWithTheirOwnEvents) {
  for (const std::string_view wire :
       {"data: {\"type\":\"speech.audio.delta\",\"audio\":\"YQ==\"}\n\n"
        "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":1}}\n\n",
        "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n"
        "data: {\"type\":\"transcript.text.done\",\"text\":\"a\"}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n"}) {
    const Read seen = read(wire, wire.size());
    EXPECT_FALSE(seen.error) << wire;
    EXPECT_EQ(seen.out, wire);
  }
}

TEST(OpenAiMediaStream, AnEndBeforeTheLastEventIsAnError) {
  const std::string_view first = kImage.substr(0, kImage.find("\n\n") + 2);
  const Read seen = read(first, first.size());
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(seen.out, first) << "what was sound went out";
}

TEST(OpenAiMediaStream, AnErrorEventFailsAndAMalformedOneIsLeftOut) {
  const Read failed =
      read("data: {\"error\":{\"type\":\"server_error\",\"message\":\"out of memory\"}}\n\n", 1000);
  ASSERT_TRUE(failed.error);
  const Read sound = read(
      "data: {\"type\":\"transcript.text\ndata: x\n\n: ping\n\n"
      "data: {\"type\":\"transcript.text.done\",\"text\":\"\"}\n\n",
      1000);
  EXPECT_FALSE(sound.error);
  EXPECT_EQ(sound.out, "data: {\"type\":\"transcript.text.done\",\"text\":\"\"}\n\n");
}

TEST(OpenAiMediaStream, LargeImagesFitIntoAnEvent) {
  std::string wire = "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"";
  wire.append(std::size_t{9} << 20U, 'A').append("\"}\n\n");
  const Read seen = read(wire, 64 << 10);
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.out.size(), wire.size());
}

}  // namespace
}  // namespace headgate::providers
