#include "sim/media.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/openai.h"
#include "sim/text.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxImages = 10;
constexpr std::size_t kMaxSpeech = 4096;
constexpr std::size_t kAudioBytes = 2048;

Failure missing(std::string_view name) {
  return {400, "missing_required_parameter",
          "Missing required parameter: '" + std::string(name) + "'."};
}

Reply wrong(const Failure& failure) { return error_reply(Protocol::OpenAi, Behaviour{}, failure); }

/// Bytes that look like a file of its kind and are `size` long.
std::string filled(std::string start, std::size_t size) {
  for (std::size_t i = 0; start.size() < size; ++i) {
    start += static_cast<char>('a' + i % 26);
  }
  return start;
}

Reply images(const Behaviour& behaviour, const json::object& body) {
  if (!text_member(body, "prompt")) {
    return wrong(missing("prompt"));
  }
  std::size_t count = count_member(body, "n").value_or(1);
  if (count < 1 || count > kMaxImages) {
    return wrong({400, "invalid_value", "'n' must be between 1 and 10."});
  }
  std::string format(text_member(body, "output_format").value_or("png"));
  std::string size(text_member(body, "size").value_or("1024x1024"));
  std::string created = std::to_string(behaviour.created);
  std::string start = format == "png" ? "\x89PNG\r\n\x1a\n" : "image:";
  bool link = text_member(body, "response_format").value_or("") == "url";
  std::string tokens = std::to_string(behaviour.prompt_tokens);
  std::string usage = R"("usage":{"input_tokens":)" + tokens +
                      R"(,"input_tokens_details":{"text_tokens":)" + tokens +
                      R"(,"image_tokens":0},"output_tokens":16,"total_tokens":)" +
                      std::to_string(behaviour.prompt_tokens + 16) + "}";
  std::size_t bytes = behaviour.answer_bytes == 0 ? 64 : behaviour.answer_bytes;
  std::string shape = R"("background":"opaque","output_format":)" + quoted(format) +
                      R"(,"quality":"low","size":)" + quoted(size);
  if (flag_member(body, "stream")) {
    Reply reply;
    std::string image = R"(,"created_at":)" + created + R"(,"b64_json":)" +
                        quoted(base64_of(filled(start, bytes))) + "," + shape;
    std::size_t partial =
        std::min<std::size_t>(count_member(body, "partial_images").value_or(0), 3);
    for (std::size_t i = 0; i < partial; ++i) {
      reply.events.push_back({.data = R"({"type":"image_generation.partial_image")" + image +
                                      R"(,"partial_image_index":)" + std::to_string(i) + "}",
                              .name = "image_generation.partial_image",
                              .delay = token_gap(behaviour)});
    }
    reply.finish_at = reply.end_mark = reply.events.size();
    reply.events.push_back(
        {.data = R"({"type":"image_generation.completed")" + image + "," + usage + "}",
         .name = "image_generation.completed",
         .delay = token_gap(behaviour)});
    return reply;
  }
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    list += i == 0 ? "{" : ",{";
    if (link) {
      list += R"("url":"https://images.example/)" + std::to_string(i) + "." + format + "\"}";
    } else {
      list += R"("b64_json":)" + quoted(base64_of(filled(start + std::to_string(i), bytes))) + "}";
    }
  }
  Reply reply = json_reply(Protocol::OpenAi, R"({"created":)" + created + R"(,"data":[)" + list +
                                                 "]," + shape + "," + usage + "}");
  reply.tokens = behaviour.token_count();
  return reply;
}

Reply speech(const Behaviour& behaviour, const json::object& body) {
  static constexpr std::array<std::string_view, 6> kFormats = {"mp3",  "opus", "aac",
                                                               "flac", "wav",  "pcm"};
  auto input = text_member(body, "input");
  if (!input) {
    return wrong(missing("input"));
  }
  if (input->size() > kMaxSpeech) {
    return wrong({400, "invalid_value", "'input' is longer than 4096 characters."});
  }
  if (!member(body, "voice")) {
    return wrong(missing("voice"));
  }
  std::string_view format = text_member(body, "response_format").value_or("mp3");
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end()) {
    return wrong({400, "invalid_value", "'response_format' is not known."});
  }
  std::size_t bytes = behaviour.answer_bytes == 0 ? kAudioBytes : behaviour.answer_bytes;
  std::string audio = filled("audio:" + std::string(format) + ":" + std::string(*input), bytes);
  if (text_member(body, "stream_format").value_or("") == "sse") {
    Reply reply;
    for (const std::string& piece : cut_text(base64_of(audio), 512)) {
      reply.events.push_back(
          {.data = R"({"type":"speech.audio.delta","audio":)" + quoted(piece) + "}",
           .delay = token_gap(behaviour)});
    }
    reply.finish_at = reply.end_mark = reply.events.size();
    reply.events.push_back(
        {.data = R"({"type":"speech.audio.done","usage":{"input_tokens":9,"output_tokens":16,)"
                 R"("total_tokens":25}})"});
    return reply;
  }
  Reply reply = json_reply(Protocol::OpenAi, std::move(audio));
  reply.content_type = "audio/" + std::string(format == "mp3" ? "mpeg" : format);
  reply.tokens = behaviour.token_count();
  return reply;
}

std::string seconds_text(std::size_t seconds, char point) {
  return "00:00:0" + std::to_string(seconds) + point + "000";
}

Reply transcription(const Behaviour& behaviour, const json::object& form, const std::string& file) {
  if (file.empty()) {
    return wrong(missing("file"));
  }
  Demand demand;
  demand.heard(file);
  Saying saying = say(behaviour, demand);
  std::string text = saying.text();
  std::string usage = R"("usage":{"type":"tokens","input_tokens":)" +
                      std::to_string(behaviour.prompt_tokens) + R"(,"output_tokens":)" +
                      std::to_string(saying.tokens()) + R"(,"total_tokens":)" +
                      std::to_string(behaviour.prompt_tokens + saying.tokens()) + "}";
  if (text_member(form, "stream").value_or("") == "true") {
    Reply reply;
    for (const std::string& piece : saying.pieces) {
      reply.events.push_back(
          {.data = R"({"type":"transcript.text.delta","delta":)" + quoted(piece) + "}",
           .delay = token_gap(behaviour)});
    }
    reply.finish_at = reply.end_mark = reply.events.size();
    reply.events.push_back(
        {.data = R"({"type":"transcript.text.done","text":)" + quoted(text) + "," + usage + "}"});
    return reply;
  }
  std::string_view format = text_member(form, "response_format").value_or("json");
  Reply reply = json_reply(Protocol::OpenAi, "");
  reply.tokens = std::max<std::size_t>(1, saying.tokens());
  if (format == "json") {
    reply.body = R"({"text":)" + quoted(text) + "," + usage + "}";
  } else if (format == "verbose_json") {
    reply.body = R"({"task":"transcribe","language":"english","duration":3.0,"text":)" +
                 quoted(text) + R"(,"segments":[{"id":0,"seek":0,"start":0.0,"end":3.0,"text":)" +
                 quoted(text) +
                 R"(,"tokens":[1],"temperature":0.0,"avg_logprob":-0.5,"compression_ratio":1.0,)" +
                 R"("no_speech_prob":0.0}],"usage":{"type":"duration","seconds":3}})";
  } else if (format == "text" || format == "srt" || format == "vtt") {
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = text + "\n";
    if (format == "srt") {
      reply.body =
          "1\n" + seconds_text(0, ',') + " --> " + seconds_text(3, ',') + "\n" + text + "\n\n";
    } else if (format == "vtt") {
      reply.body = "WEBVTT\n\n" + seconds_text(0, '.') + " --> " + seconds_text(3, '.') + "\n" +
                   text + "\n\n";
    }
  } else {
    return wrong({400, "invalid_value", "'response_format' is not known."});
  }
  return reply;
}

std::string moderation_result(std::string_view text, bool multimodal) {
  static constexpr std::array<std::string_view, 13> kCategories = {"harassment",
                                                                   "harassment/threatening",
                                                                   "hate",
                                                                   "hate/threatening",
                                                                   "illicit",
                                                                   "illicit/violent",
                                                                   "self-harm",
                                                                   "self-harm/intent",
                                                                   "self-harm/instructions",
                                                                   "sexual",
                                                                   "sexual/minors",
                                                                   "violence",
                                                                   "violence/graphic"};
  bool bad = text.find("kill") != std::string_view::npos;
  std::string categories;
  std::string scores;
  std::string types;
  for (std::string_view category : kCategories) {
    bool flagged = bad && category == "violence";
    std::string name = (categories.empty() ? "" : ",") + quoted(category);
    categories += name + (flagged ? ":true" : ":false");
    scores += name + (flagged ? ":0.9" : ":0.001");
    types += name + (multimodal ? R"(:["text","image"])" : R"(:["text"])");
  }
  return R"({"flagged":)" + std::string(bad ? "true" : "false") + R"(,"categories":{)" +
         categories + R"(},"category_scores":{)" + scores +
         R"(},"category_applied_input_types":{)" + types + "}}";
}

Reply moderation(const Behaviour& behaviour, const MediaRequest& request,
                 const json::object& body) {
  const json::value* input = member(body, "input");
  if (!input) {
    return wrong(missing("input"));
  }
  std::string results;
  Demand demand;
  const json::array* list = input->if_array();
  if (list && !list->empty() && list->front().is_object()) {
    std::string all;
    bool multimodal = false;
    for (const json::value& part : *list) {
      if (const json::object* object = part.if_object()) {
        all += text_member(*object, "text").value_or("");
        multimodal = multimodal || text_member(*object, "type") == "image_url";
      }
    }
    demand.heard(all);
    results = moderation_result(all, multimodal);
  } else {
    for (const std::string& text : texts_of(input)) {
      demand.heard(text);
      results += (results.empty() ? "" : ",") + moderation_result(text, false);
    }
  }
  if (results.empty()) {
    return wrong({400, "invalid_value", "'input' holds no text."});
  }
  Reply reply = json_reply(
      Protocol::OpenAi, R"({"id":)" + quoted("modr-" + say(behaviour, demand).id) + R"(,"model":)" +
                            quoted(request.model) + R"(,"results":[)" + results + "]}");
  reply.tokens = 1;
  return reply;
}

Reply rerank(const Behaviour& behaviour, const MediaRequest& request, const json::object& body) {
  struct Ranked {
    std::size_t index;
    std::string text;
    std::uint64_t score;  // in thousandths
  };
  auto query = text_member(body, "query");
  const json::array* documents = array_member(body, "documents");
  if (!query || !documents || documents->empty()) {
    return wrong(missing(query ? "documents" : "query"));
  }
  std::vector<Ranked> ranked;
  for (const json::value& document : *documents) {
    std::string text;
    if (document.is_string()) {
      text = document.get_string();
    } else if (const json::object* object = document.if_object()) {
      text = text_member(*object, "text").value_or("");
    }
    std::uint64_t score = hash_text(hash_text(kHashStart, *query), text) % 1000;
    ranked.push_back({ranked.size(), std::move(text), score});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  });
  std::size_t top = count_member(body, "top_n").value_or(0);
  if (top > 0 && top < ranked.size()) {
    ranked.resize(top);
  }
  const json::value* shown = member(body, "return_documents");
  std::string results;
  for (const Ranked& one : ranked) {
    std::string digits = std::to_string(1000 + one.score).substr(1);
    results += results.empty() ? "" : ",";
    results += R"({"index":)" + std::to_string(one.index);
    if (!shown || flag_member(body, "return_documents")) {
      results += R"(,"document":{"text":)" + quoted(one.text) + "}";
    }
    results += R"(,"relevance_score":0.)" + digits + "}";
  }
  Demand demand;
  demand.heard(*query);
  Reply reply =
      json_reply(Protocol::OpenAi,
                 R"({"id":)" + quoted("rerank-" + say(behaviour, demand).id) + R"(,"model":)" +
                     quoted(request.model) + R"(,"usage":{"total_tokens":)" +
                     std::to_string(behaviour.prompt_tokens) + R"(},"results":[)" + results + "]}");
  reply.tokens = 1;
  return reply;
}

}  // namespace

std::variant<MediaRequest, Failure> read_media(MediaCall call, const Incoming& incoming) {
  MediaRequest request{.call = call};
  if (call == MediaCall::Transcription) {
    auto fields = read_form(incoming.field("content-type"), incoming.body);
    if (fields.empty()) {
      return Failure{400, "invalid_value", "The body is not multipart/form-data."};
    }
    json::object body;
    for (const FormField& field : fields) {
      if (field.name == "file") {
        request.file = field.value;
        if (field.file_name.empty()) {
          return Failure{400, "invalid_value", "The file needs a name."};
        }
      } else {
        body[field.name] = field.value;
      }
    }
    request.model = text_member(body, "model").value_or("");
    request.body = json::serialize(body);
  } else {
    auto body = parse_object(incoming.body);
    if (!body) {
      return Failure{400, "invalid_json", "The body is not a JSON object."};
    }
    std::string_view otherwise = call == MediaCall::Images       ? "gpt-image-1"
                                 : call == MediaCall::Moderation ? "omni-moderation-latest"
                                                                 : "";
    request.model = text_member(*body, "model").value_or(otherwise);
    request.body = incoming.body;
  }
  if (request.model.empty()) {
    return missing("model");
  }
  return request;
}

Reply media_reply(const Behaviour& behaviour, const MediaRequest& request) {
  const json::object body = parse_object(request.body).value_or(json::object());
  switch (request.call) {
    case MediaCall::Images:
      return images(behaviour, body);
    case MediaCall::Speech:
      return speech(behaviour, body);
    case MediaCall::Transcription:
      return transcription(behaviour, body, request.file);
    case MediaCall::Moderation:
      return moderation(behaviour, request, body);
    case MediaCall::Rerank:
      return rerank(behaviour, request, body);
  }
  return {};
}

}  // namespace headgate::sim
