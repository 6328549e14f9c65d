#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

/// The request of a body, with the places of its members found by text.
model::InferenceRequest request_of(const std::string& body, model::Delivery delivery) {
  model::InferenceRequest request;
  request.delivery = delivery;
  request.body = body;
  const auto value_of = [&](std::string_view name, std::string_view value) -> model::Span {
    const std::size_t at = body.find(name);
    if (at == std::string::npos) {
      return {};
    }
    const std::size_t begin = body.find(value, at + name.size());
    return {begin, begin + value.size()};
  };
  request.model_value = value_of("\"model\":", "\"public\"");
  for (const std::string_view options : {"{\"include_usage\":false}", "{\"include_usage\":true}",
                                         "{\"other\":1}", "{ }", "{}", "null"}) {
    const std::size_t at = body.find("\"stream_options\":" + std::string(options));
    if (at != std::string::npos) {
      const std::size_t begin = at + std::string_view("\"stream_options\":").size();
      request.stream_options_value = {begin, begin + options.size()};
    }
  }
  for (const std::string_view flag : {"false", "true"}) {
    const std::size_t at = body.find("\"include_usage\":" + std::string(flag));
    if (at != std::string::npos) {
      const std::size_t begin = at + std::string_view("\"include_usage\":").size();
      request.include_usage_value = {begin, begin + flag.size()};
      request.usage_wanted = flag == "true";
    }
  }
  return request;
}

std::string encoded(const std::string& body, model::Delivery delivery = model::Delivery::Whole,
                    const std::string& target = "\"vendor\"") {
  const model::InferenceRequest request = request_of(body, delivery);
  const TargetName name{.model = target.substr(1, target.size() - 2), .json_model = target};
  auto wire = provider_for("openai")->encode(request, name);
  EXPECT_TRUE(wire);
  std::string out;
  for (std::size_t i = 0; i < wire->pieces; ++i) {
    out.append(wire->body[i]);
  }
  return out;
}

TEST(OpenAi, ABodyForAModelOfTheSameNameIsNotTouched) {
  const std::string body = R"( {"messages":[], "model":"public","x":[1, 2]} )";
  EXPECT_EQ(encoded(body, model::Delivery::Whole, "\"public\""), body);
  const model::InferenceRequest request = request_of(body, model::Delivery::Whole);
  auto wire =
      provider_for("openai")->encode(request, {.model = "public", .json_model = "\"public\""});
  ASSERT_EQ(wire->pieces, 1U);
  EXPECT_EQ(wire->body[0].data(), body.data()) << "not even copied";
}

TEST(OpenAi, OnlyTheModelsNameIsReplaced) {
  EXPECT_EQ(encoded(R"({"messages":[],"model":"public","seed":7})"),
            R"({"messages":[],"model":"vendor","seed":7})");
  EXPECT_EQ(encoded(R"({"model":"public"})", model::Delivery::Whole, R"("ve\"n")"),
            R"({"model":"ve\"n"})");
}

TEST(OpenAi, UsageIsAskedForInEveryStreamInEveryShapeOfOptions) {
  const auto streamed = [](const std::string& body) {
    return encoded(body, model::Delivery::Stream);
  };
  EXPECT_EQ(streamed(R"({"model":"public","stream":true})"),
            R"({"stream_options":{"include_usage":true},"model":"vendor","stream":true})");
  EXPECT_EQ(streamed(R"({"model":"public","stream_options":{},"n":1})"),
            R"({"model":"vendor","stream_options":{"include_usage":true},"n":1})");
  EXPECT_EQ(streamed(R"({"model":"public","stream_options":{ },"n":1})"),
            R"({"model":"vendor","stream_options":{"include_usage":true},"n":1})");
  EXPECT_EQ(streamed(R"({"model":"public","stream_options":null})"),
            R"({"model":"vendor","stream_options":{"include_usage":true}})");
  EXPECT_EQ(streamed(R"({"model":"public","stream_options":{"other":1}})"),
            R"({"model":"vendor","stream_options":{"include_usage":true,"other":1}})");
  EXPECT_EQ(streamed(R"({"stream_options":{"include_usage":false},"model":"public"})"),
            R"({"stream_options":{"include_usage":true},"model":"vendor"})")
      << "also when it stands before the model";
  EXPECT_EQ(streamed(R"({"model":"public","stream_options":{"include_usage":true}})"),
            R"({"model":"vendor","stream_options":{"include_usage":true}})");
}

TEST(OpenAi, EachKindHasItsPath) {
  for (const auto& [kind, path] : {std::pair{model::Kind::Chat, "/chat/completions"},
                                   std::pair{model::Kind::Completion, "/completions"},
                                   std::pair{model::Kind::Embedding, "/embeddings"},
                                   std::pair{model::Kind::Image, "/images/generations"},
                                   std::pair{model::Kind::Speech, "/audio/speech"},
                                   std::pair{model::Kind::Transcription, "/audio/transcriptions"},
                                   std::pair{model::Kind::Moderation, "/moderations"},
                                   std::pair{model::Kind::Rerank, "/rerank"}}) {
    const std::string body = R"({"model":"public"})";
    model::InferenceRequest request = request_of(body, model::Delivery::Whole);
    request.kind = kind;
    EXPECT_EQ(provider_for("openai")->encode(request, {.model = "m", .json_model = "\"m\""})->path,
              path);
  }
  EXPECT_EQ(provider_for("no such protocol"), nullptr);
}

TEST(OpenAi, OfAFormOnlyTheModelsNameIsReplacedWithoutQuotes) {
  const std::string body = "--X\r\n...name=\"model\"\r\n\r\npublic\r\n--X--\r\n";
  model::InferenceRequest request;
  request.kind = model::Kind::Transcription;
  request.content_type = "multipart/form-data; boundary=X";
  request.body = body;
  const std::size_t at = body.find("public");
  request.model_value = {at, at + 6};
  const TargetName target{.model = "ven", .json_model = "\"ven\""};
  auto wire = provider_for("openai")->encode(request, target);
  ASSERT_TRUE(wire);
  const WireRequest moved = std::move(*wire);
  EXPECT_EQ(moved.fields,
            "Content-Type: multipart/form-data; boundary=X\r\nAccept-Encoding: identity\r\n");
  std::string out;
  for (std::size_t i = 0; i < moved.pieces; ++i) {
    out.append(moved.body[i]);
  }
  EXPECT_EQ(out, "--X\r\n...name=\"model\"\r\n\r\nven\r\n--X--\r\n");
}

TEST(OpenAi, ARequestThatNamesNoModelGetsTheTargets) {
  model::InferenceRequest request;
  request.kind = model::Kind::Moderation;
  request.body = R"( {"input":"x"})";
  const TargetName target{.model = "m", .json_model = "\"m\""};
  auto wire = provider_for("openai")->encode(request, target);
  ASSERT_TRUE(wire);
  std::string out;
  for (std::size_t i = 0; i < wire->pieces; ++i) {
    out.append(wire->body[i]);
  }
  EXPECT_EQ(out, R"( {"model":"m","input":"x"})");
}

TEST(OpenAi, OnlyTextIsAskedForItsUsageInAStream) {
  model::InferenceRequest request =
      request_of(R"({"model":"public","stream":true})", model::Delivery::Stream);
  const std::string body = R"({"model":"public","stream":true})";
  request.body = body;
  request.kind = model::Kind::Image;
  auto wire =
      provider_for("openai")->encode(request, {.model = "public", .json_model = "\"public\""});
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->pieces, 1U);
}

TEST(OpenAi, UsageOfOtherKindsIsReadByTheirNames) {
  const Provider& provider = *provider_for("openai");
  const Usage image = provider.usage_of(
      R"("usage":{"input_tokens":9,"input_tokens_details":{"text_tokens":4},"output_tokens":16,"total_tokens":25}})");
  EXPECT_EQ(image.input_tokens, 9);
  EXPECT_EQ(image.output_tokens, 16);
  EXPECT_EQ(provider.usage_of(R"({"usage":{"total_tokens":7},"results":[]})").input_tokens, 7);
  EXPECT_EQ(provider.usage_of(R"({"text":"x","usage":{"type":"duration","seconds":2.5}})").audio_ms,
            2500);
  EXPECT_EQ(provider.usage_of(R"({"task":"transcribe","duration":3.0,"text":"x"})").audio_ms, 3000);
  EXPECT_EQ(provider.usage_of(R"({"duration":"long"})").audio_ms, -1);
}

TEST(OpenAi, TheKeyIsABearerTokenAndNoKeyIsNoField) {
  EXPECT_EQ(provider_for("openai")->credential_fields("sk-1"), "Authorization: Bearer sk-1\r\n");
  EXPECT_EQ(provider_for("openai")->credential_fields(""), "");
}

TEST(OpenAi, UsageIsReadFromTheEndOfAnAnswer) {
  const Provider& provider = *provider_for("openai");
  const Usage usage = provider.usage_of(
      R"(ontent":"\"usage\":{\"prompt_tokens\":1}"}}],"usage":{"prompt_tokens": 12,"completion_tokens":34,"total_tokens":46}})");
  EXPECT_EQ(usage.input_tokens, 12);
  EXPECT_EQ(usage.output_tokens, 34);
  const Usage embedding = provider.usage_of(R"("usage":{"prompt_tokens":5,"total_tokens":5}})");
  EXPECT_EQ(embedding.input_tokens, 5);
  EXPECT_EQ(embedding.output_tokens, -1);
  EXPECT_EQ(provider.usage_of("{}").input_tokens, -1);
}

}  // namespace
}  // namespace headgate::providers
