#include "api/media_tasks.h"

#include <string>
#include <utility>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace headgate::api {
namespace {

namespace json = boost::json;

json::object task(const char* text) { return json::parse(text).as_object(); }

TEST(MediaTask, AnImageOfTheUsualSizeIsAskedForUnlessTheTaskSaysAnother) {
  EXPECT_EQ(make_image_body(task(R"({"model":"m","prompt":"a"})")).value(),
            R"({"model":"m","prompt":"a","size":"1024x1024"})");
  const json::object body =
      json::parse(
          make_image_body(
              task(
                  R"({"model":"m","prompt":"a","width":512,"height":null,"steps":50,"guidance_scale":7.5})"))
              .value())
          .as_object();
  EXPECT_EQ(body.at("size").as_string(), "512x1024");
  EXPECT_EQ(body.at("num_inference_steps").as_int64(), 50);
  EXPECT_DOUBLE_EQ(body.at("guidance_scale").as_double(), 7.5);
  EXPECT_FALSE(body.contains("width") || body.contains("height") || body.contains("steps"));
}

TEST(MediaTask, ATextIsTheInputOfSpeech) {
  const json::object body =
      json::parse(make_speech_body(
                      task(R"({"model":"m","text":"Hello","voice":"speaker_1","language":"en"})"))
                      .value())
          .as_object();
  EXPECT_EQ(body.at("input").as_string(), "Hello");
  EXPECT_EQ(body.at("voice").as_string(), "speaker_1");
  EXPECT_EQ(body.at("language").as_string(), "en");
  EXPECT_FALSE(body.contains("text"));
}

TEST(MediaTask, TheFieldAtFaultIsNamed) {
  for (const auto& [text, field] : {std::pair{R"({"model":"m"})", "prompt"},
                                    {R"({"prompt":""})", "prompt"},
                                    {R"({"prompt":"x","width":0})", "width"},
                                    {R"({"prompt":"x","height":"9"})", "height"},
                                    {R"({"prompt":"x","height":1e9})", "height"},
                                    {R"({"prompt":"x","size":"1x1","width":1})", "size"}}) {
    const auto body = make_image_body(task(text));
    ASSERT_FALSE(body) << text;
    EXPECT_EQ(body.error().param, field) << text;
  }
  EXPECT_EQ(make_speech_body(task(R"({"model":"m"})")).error().param, "text");
  EXPECT_EQ(make_speech_body(task(R"({"text":"a","input":"b"})")).error().param, "input");
}

}  // namespace
}  // namespace headgate::api
