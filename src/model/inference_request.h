#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::model {

/// What a request asks for.
enum class Kind : std::uint8_t {
  Chat,
  Completion,
  Embedding,
  Image,
  Speech,
  Transcription,
  Moderation,
  Rerank,
  Ocr,
  Classify,
  Extract,
};

inline std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::Chat:
      return "chat";
    case Kind::Completion:
      return "completion";
    case Kind::Embedding:
      return "embedding";
    case Kind::Image:
      return "image";
    case Kind::Speech:
      return "speech";
    case Kind::Transcription:
      return "transcription";
    case Kind::Moderation:
      return "moderation";
    case Kind::Rerank:
      return "rerank";
    case Kind::Ocr:
      return "ocr";
    case Kind::Classify:
      return "classify";
    case Kind::Extract:
      return "extract";
  }
  return "chat";
}

/// Whose words a request's body is written in.
enum class Dialect : std::uint8_t {
  OpenAi,     ///< chat completions, completions, embeddings and the like
  Responses,  ///< OpenAI's /v1/responses
  Anthropic,  ///< /v1/messages
};

enum class Delivery : std::uint8_t { Whole, Stream };

/// What a whole answer is made of.
enum class AnswerForm : std::uint8_t {
  Json,
  Text,   ///< plain, or subtitles
  Audio,  ///< a sound file
};

/// A part of a body, as offsets.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool empty() const { return begin == end; }
};

/// A request, kept as the bytes the client sent: only what routing must know
/// is read out of it, and where it stands, so that it can be replaced without touching the rest.
struct InferenceRequest {
  Kind kind = Kind::Chat;
  Dialect dialect = Dialect::OpenAi;
  Delivery delivery = Delivery::Whole;
  std::string model;          ///< the public name asked for
  std::string_view body;      ///< valid JSON object, or a form; borrowed from the connection
  Span model_value;           ///< the value of "model", quotes included; empty if absent
  Span stream_value;          ///< the value of "stream"; only of the dialects that need it
  Span stream_options_value;  ///< the value of "stream_options"; empty if absent
  Span include_usage_value;   ///< the value of "include_usage" in it; empty if absent
  bool usage_wanted = false;  ///< the client asked for the usage event
  /// Header lines of the client that a provider of its own dialect is to get, each
  /// "name: value\r\n": anthropic-version and anthropic-beta.
  std::string fields;

  bool base64 = false;  ///< of embeddings: the client asked for them so

  // Of kinds that are neither text nor documents.
  AnswerForm form = AnswerForm::Json;  ///< of the answer, unless it is streamed
  std::string content_type;            ///< of a body that is a form; empty: JSON
  std::int64_t images = 0;             ///< how many are asked for
  std::int64_t characters = 0;         ///< of the text to be spoken

  // What routing weighs; values as raw JSON in `body`, empty if absent.
  std::string_view messages;    ///< or `prompt` or `input`
  std::string_view user;        ///< with its quotes
  bool tools = false;           ///< there are some
  bool json_schema = false;     ///< the answer must follow one
  std::int64_t max_output = 0;  ///< tokens; 0: not said
};

}  // namespace headgate::model
