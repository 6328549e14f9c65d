#include "api/media_request.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

using model::AnswerForm;
using model::Delivery;
using model::Kind;

/// A request with the padding behind its body that the edge guarantees.
class Sent {
 public:
  Sent(std::string body, std::string type) : body_(std::move(body)), type_(std::move(type)) {
    size_ = body_.size();
    body_.append(edge::kBodyPadding, '\0');
    fields_ = {{{"Content-Type", type_}}};
    http_.method = edge::Method::Post;
    http_.fields = fields_;
    http_.body = std::string_view(body_).substr(0, size_);
  }
  Sent(const Sent&) = delete;
  Sent& operator=(const Sent&) = delete;
  ~Sent() = default;

  Result<model::InferenceRequest> as(Kind kind) const { return parse_media_request(kind, http_); }
  std::string named(const model::InferenceRequest& request) const {
    const model::Span& span = request.model_value;
    return std::string(http_.body.substr(span.begin, span.end - span.begin));
  }

 private:
  std::string body_;
  std::string type_;
  std::size_t size_ = 0;
  std::array<edge::Field, 1> fields_;
  edge::Request http_;
};

constexpr const char* kJson = "application/json";
constexpr const char* kForm = "multipart/form-data; boundary=XX";

struct Part {
  std::string name;
  std::string value;
  std::string file{};
};

std::string form(const std::vector<Part>& parts, const std::string& boundary = "XX") {
  std::string body;
  for (const Part& part : parts) {
    body.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=\"");
    body.append(part.name).append("\"");
    if (!part.file.empty()) {
      body.append("; filename=\"").append(part.file).append("\"");
    }
    body.append("\r\n\r\n").append(part.value).append("\r\n");
  }
  return body.append("--").append(boundary).append("--\r\n");
}

const Part kSound{"file", std::string("\x00\xFF\r\nRIFF", 8), "a.wav"};

TEST(MediaRequest, AnImageIsCountedAndMayBeStreamed) {
  const Sent sent(R"({"prompt":"a cat","model":"painter","n":3,"stream":true,"seed":1e400})",
                  kJson);
  const auto request = sent.as(Kind::Image);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "painter");
  EXPECT_EQ(sent.named(*request), "\"painter\"");
  EXPECT_EQ(request->images, 3);
  EXPECT_EQ(request->delivery, Delivery::Stream);
  EXPECT_EQ(request->form, AnswerForm::Json);
  EXPECT_TRUE(request->content_type.empty());
  const Sent usual(R"({"prompt":"a cat","model":"painter","n":null,"stream":null})", kJson);
  EXPECT_EQ(usual.as(Kind::Image)->images, 1);
  EXPECT_EQ(usual.as(Kind::Image)->delivery, Delivery::Whole);
}

TEST(MediaRequest, SpeechIsASoundOfSoManyCharacters) {
  const Sent sent(R"({"model":"speaker","input":"Grüße\n\u00df","voice":{"id":"v"},"speed":0.25})",
                  kJson);
  const auto request = sent.as(Kind::Speech);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->characters, 7) << "not bytes";
  EXPECT_EQ(request->form, AnswerForm::Audio);
  EXPECT_EQ(request->delivery, Delivery::Whole);
  const Sent events(R"({"model":"speaker","input":"x","stream_format":"sse"})", kJson);
  EXPECT_EQ(events.as(Kind::Speech)->delivery, Delivery::Stream);
}

TEST(MediaRequest, AModerationMayLeaveItsModelToTheApi) {
  const Sent sent(R"({"input":["a","b"]})", kJson);
  const auto request = sent.as(Kind::Moderation);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "omni-moderation-latest");
  EXPECT_TRUE(request->model_value.empty());
  EXPECT_TRUE(Sent(R"({"model":"m","input":"a"})", kJson).as(Kind::Moderation));
}

TEST(MediaRequest, ARankingNeedsAQueryAndDocuments) {
  const Sent sent(R"({"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1})", kJson);
  EXPECT_TRUE(sent.as(Kind::Rerank));
}

TEST(MediaRequest, TheFieldAtFaultIsNamed) {
  struct Case {
    Kind kind;
    const char* body;
    const char* field;
  };
  for (const auto& [kind, body, field] : {
           Case{Kind::Image, R"({"prompt":"x"})", "model"},
           Case{Kind::Image, R"({"model":"m"})", "prompt"},
           Case{Kind::Image, R"({"model":"m","prompt":""})", "prompt"},
           Case{Kind::Image, R"({"model":"m","prompt":["x"]})", "prompt"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","n":0})", "n"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","n":11})", "n"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","n":1.5})", "n"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","n":"1"})", "n"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","stream":1})", "stream"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","partial_images":4})", "partial_images"},
           Case{Kind::Image, R"({"model":"m","prompt":"x","webhook_url":"https://a"})",
                "webhook_url"},
           Case{Kind::Speech, R"({"model":"m","voice":"v"})", "input"},
           Case{Kind::Speech, R"({"model":"m","input":7})", "input"},
           Case{Kind::Speech, R"({"model":"m","input":"x","voice":7})", "voice"},
           Case{Kind::Speech, R"({"model":"m","input":"x","speed":5})", "speed"},
           Case{Kind::Speech, R"({"model":"m","input":"x","speed":"1"})", "speed"},
           Case{Kind::Speech, R"({"model":"m","input":"x","stream_format":"ws"})", "stream_format"},
           Case{Kind::Moderation, R"({"model":"m"})", "input"},
           Case{Kind::Moderation, R"({"model":"m","input":[]})", "input"},
           Case{Kind::Moderation, R"({"model":7,"input":"x"})", "model"},
           Case{Kind::Rerank, R"({"model":"m","documents":["a"]})", "query"},
           Case{Kind::Rerank, R"({"model":"m","query":"q"})", "documents"},
           Case{Kind::Rerank, R"({"model":"m","query":"q","documents":[]})", "documents"},
           Case{Kind::Rerank, R"({"model":"m","query":"q","documents":["a"],"top_n":0})", "top_n"},
       }) {
    const auto request = Sent(body, kJson).as(kind);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().kind, ErrorKind::InvalidRequest) << body;
    EXPECT_EQ(request.error().param, field) << body;
  }
}

TEST(MediaRequest, AFormKeepsItsBytesAndSaysWhereItsModelStands) {
  const Sent sent(form({{"language", "de"}, kSound, {"model", "scribe"}, {"stream", "True"}}),
                  kForm);
  const auto request = sent.as(Kind::Transcription);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "scribe");
  EXPECT_EQ(sent.named(*request), "scribe") << "without quotes";
  EXPECT_EQ(request->content_type, kForm);
  EXPECT_EQ(request->delivery, Delivery::Stream) << "as Python writes it";
  for (const char* format : {"text", "srt", "vtt"}) {
    const Sent text(form({kSound, {"model", "m"}, {"response_format", format}}), kForm);
    EXPECT_EQ(text.as(Kind::Transcription)->form, AnswerForm::Text) << format;
  }
  const Sent verbose(form({kSound, {"model", "m"}, {"response_format", "verbose_json"}}), kForm);
  EXPECT_EQ(verbose.as(Kind::Transcription)->form, AnswerForm::Json);
}

TEST(MediaRequest, AFormGoesOnUnderTheBoundaryThatWasRead) {
  const std::string body = form({kSound, {"model", "m"}}, "a b:c");
  const Sent sent(body, "Multipart/Form-Data; charset=x; boundary=\"a b:c\"; boundary=other");
  const auto request = sent.as(Kind::Transcription);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->content_type, "multipart/form-data; boundary=\"a b:c\"");
}

TEST(MediaRequest, WhatIsWrongWithAFormIsNamed) {
  const auto field_of = [](const std::vector<Part>& parts) {
    const auto request = Sent(form(parts), kForm).as(Kind::Transcription);
    return request ? "(none)" : request.error().param;
  };
  EXPECT_EQ(field_of({kSound}), "model");
  EXPECT_EQ(field_of({kSound, {"model", ""}}), "model");
  EXPECT_EQ(field_of({kSound, {"model", "a"}, {"model", "b"}}), "model");
  EXPECT_EQ(field_of({{"model", "a"}}), "file");
  EXPECT_EQ(field_of({{"model", "a"}, {"file", "", "a.wav"}}), "file");
  EXPECT_EQ(field_of({{"model", "a"}, {"file", "bytes"}}), "file") << "without a name";
  EXPECT_EQ(field_of({{"model", "a"}, kSound, kSound}), "file");
  EXPECT_EQ(field_of({{"model", "a"}, kSound, {"stream", "yes"}}), "stream");
}

TEST(MediaRequest, TheContentTypeMustBeTheRoutes) {
  for (const auto& [kind, type] : {std::pair{Kind::Image, kForm}, {Kind::Transcription, kJson}}) {
    const auto request = Sent(R"({"model":"m","prompt":"x"})", type).as(kind);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().kind, ErrorKind::Unsupported);
  }
}

}  // namespace
}  // namespace headgate::api
