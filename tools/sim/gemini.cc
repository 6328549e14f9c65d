#include "sim/gemini.h"

#include <algorithm>
#include <utility>

#include "sim/embeddings.h"
#include "sim/encoding.h"
#include "sim/json.h"

namespace headgate::sim {
namespace {

std::string_view finish_of(const Saying& saying) {
  return saying.stop == Stop::Length ? "MAX_TOKENS" : "STOP";
}

std::string text_part(std::string_view text) { return R"({"text":)" + quoted(text); }

std::string call_part(const ToolCall& call, bool first) {
  std::string part = R"({"functionCall":{"id":)" + quoted(call.id) + R"(,"name":)" +
                     quoted(call.name) + R"(,"args":)" + call.arguments + "}";
  if (first) {
    part += R"(,"thoughtSignature":)" + quoted(call_signature(call.name));
  }
  return part + "}";
}

/// Zero is left out, as protobuf does.
void append_count(std::string& out, std::string_view name, std::size_t value) {
  if (value > 0) {
    out += (out.back() == '{' ? "" : ",") + quoted(name) + ":" + std::to_string(value);
  }
}

std::string tail(const Behaviour& behaviour, const GeminiRequest& request, const Saying& saying,
                 std::size_t tokens, std::size_t thoughts) {
  std::string text;
  if (!behaviour.usage_missing) {
    text += R"("usageMetadata":{)";
    append_count(text, "promptTokenCount", behaviour.prompt_tokens);
    append_count(text, "cachedContentTokenCount",
                 std::min(behaviour.cached_tokens, behaviour.prompt_tokens));
    append_count(text, "candidatesTokenCount", tokens);
    append_count(text, "thoughtsTokenCount", thoughts);
    append_count(text, "totalTokenCount", behaviour.prompt_tokens + tokens + thoughts);
    text += "},";
  }
  return text + R"("modelVersion":)" + quoted(request.model) + R"(,"responseId":)" +
         quoted(saying.id) + "}";
}

std::string logprobs(const GeminiRequest& request, const std::vector<std::string>& pieces) {
  if (!request.logprobs || pieces.empty()) {
    return {};
  }
  auto token = [](const std::string& text, std::size_t rank) {
    return R"({"token":)" + quoted(text) + R"(,"tokenId":)" + std::to_string(rank + 1) +
           R"(,"logProbability":-)" + std::to_string(rank) + ".5}";
  };
  std::string chosen;
  std::string top;
  for (const std::string& piece : pieces) {
    chosen += (chosen.empty() ? "" : ",") + token(piece, 0);
    top += top.empty() ? R"({"candidates":[)" : R"(,{"candidates":[)";
    for (std::size_t i = 0; i < request.alternatives; ++i) {
      top += (i == 0 ? "" : ",") + token(i == 0 ? piece : "x" + std::to_string(i), i);
    }
    top += "]}";
  }
  std::string text = R"(,"avgLogprobs":-0.5,"logprobsResult":{"chosenCandidates":[)" + chosen + "]";
  if (request.alternatives > 0) {
    text += R"(,"topCandidates":[)" + top + "]";
  }
  return text + "}";
}

struct Candidate {
  std::size_t index = 0;
  std::string parts = {};
  std::string_view finish = {};  ///< empty: it goes on
  std::string logprobs = {};
};

std::string candidate_json(const Candidate& candidate) {
  std::string text = R"({"content":{)";
  if (!candidate.parts.empty()) {
    text += R"("parts":[)" + candidate.parts + "],";
  }
  text += R"("role":"model"})";
  if (!candidate.finish.empty()) {
    text += R"(,"finishReason":)" + quoted(candidate.finish);
  }
  append_count(text, "index", candidate.index);
  return text + candidate.logprobs + "}";
}

std::string blocked_body(const Behaviour& behaviour, const GeminiRequest& request,
                         const Saying& saying) {
  return R"({"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[{"category":)"
         R"("HARM_CATEGORY_DANGEROUS_CONTENT","probability":"HIGH"}]},)" +
         tail(behaviour, request, saying, 0, 0);
}

/// The bytes of an image, or samples of sound.
std::string file_part(const Behaviour& behaviour, const GeminiRequest& request) {
  constexpr std::size_t kUsual = 64;
  bool image = request.modality == "IMAGE";
  std::string bytes = image ? "\x89PNG\r\n\x1a\n" : "";
  std::size_t size = behaviour.answer_bytes == 0 ? kUsual : behaviour.answer_bytes;
  for (std::size_t i = 0; bytes.size() < size; ++i) {
    bytes += static_cast<char>('a' + i % 26);
  }
  return R"({"inlineData":{"mimeType":)" +
         quoted(image ? "image/png" : "audio/L16;codec=pcm;rate=24000") + R"(,"data":)" +
         quoted(base64_of(bytes)) + "}}";
}

std::string whole_parts(const Behaviour& behaviour, const GeminiRequest& request,
                        const Saying& saying) {
  if (request.modality == "IMAGE" || request.modality == "AUDIO") {
    return file_part(behaviour, request);
  }
  std::string parts;
  auto add = [&](const std::string& part) { parts += (parts.empty() ? "" : ",") + part; };
  if (request.shows_thoughts && !saying.thoughts.empty()) {
    add(text_part(saying.thought()) + R"(,"thought":true})");
  }
  if (!saying.pieces.empty()) {
    std::string part = text_part(saying.text());
    if (!saying.thoughts.empty()) {
      part += R"(,"thoughtSignature":)" + quoted(call_signature(""));
    }
    add(part + "}");
  }
  for (std::size_t i = 0; i < saying.calls.size(); ++i) {
    add(call_part(saying.calls[i], i == 0));
  }
  return parts;
}

/// One candidate's events; those of several follow each other.
void append_events(Reply& reply, const Behaviour& behaviour, const GeminiRequest& request,
                   const Saying& saying, std::size_t index) {
  std::size_t thoughts = 0;
  std::size_t tokens = 0;
  auto add = [&](Candidate candidate) {
    candidate.index = index;
    reply.events.push_back({.data = R"({"candidates":[)" + candidate_json(candidate) + "]," +
                                    tail(behaviour, request, saying, tokens, thoughts),
                            .delay = token_gap(behaviour)});
  };
  for (const std::string& piece : saying.thoughts) {
    ++thoughts;
    if (request.shows_thoughts) {
      add({.parts = text_part(piece) + R"(,"thought":true})"});
    }
  }
  bool closing = !saying.thoughts.empty() && saying.calls.empty();
  for (std::size_t i = 0; i < saying.pieces.size(); ++i) {
    bool last = !closing && i + 1 == saying.pieces.size();
    ++tokens;
    add({.parts = text_part(saying.pieces[i]) + "}",
         .finish = last ? finish_of(saying) : std::string_view(),
         .logprobs = logprobs(request, {saying.pieces[i]})});
  }
  tokens = saying.tokens() - thoughts;
  for (std::size_t i = 0; i < saying.calls.size(); ++i) {
    bool last = i + 1 == saying.calls.size();
    add({.parts = call_part(saying.calls[i], i == 0),
         .finish = last ? finish_of(saying) : std::string_view()});
  }
  if (closing) {
    add({.parts = R"({"text":"","thoughtSignature":)" + quoted(call_signature("")) + "}",
         .finish = finish_of(saying)});
  } else if (saying.pieces.empty() && saying.calls.empty()) {
    add({.finish = finish_of(saying)});
  }
}

std::string model_json(std::string_view id) {
  return R"({"name":)" + quoted("models/" + std::string(id)) + R"(,"displayName":)" + quoted(id) +
         R"(,"inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":)"
         R"(["generateContent","countTokens","embedContent"]})";
}

}  // namespace

std::string call_signature(std::string_view name) {
  return base64_of("call:" + hex_of(hash_text(kHashStart, name)));
}

Reply gemini_reply(const Behaviour& behaviour, const GeminiRequest& request) {
  if (request.unsigned_call && !behaviour.unsigned_calls) {
    return error_reply(Protocol::Gemini, behaviour,
                       {400, "",
                        "Function call is missing a thought_signature in functionCall parts. This "
                        "is required for tools to work correctly."});
  }
  Behaviour thinking = behaviour;
  if (!request.thinks) {
    thinking.reasoning = 0;
  }
  std::vector<Saying> sayings;
  std::size_t tokens = 0;
  std::size_t thoughts = 0;
  for (std::size_t i = 0; i < request.candidates; ++i) {
    sayings.push_back(say(thinking, request.demand, i));
    thoughts += sayings.back().thoughts.size();
    tokens += sayings.back().tokens() - sayings.back().thoughts.size();
  }
  Reply reply{.protocol = Protocol::Gemini, .content_type = "application/json; charset=UTF-8"};
  reply.crlf = true;
  reply.json_array = request.stream && !request.events;
  reply.tokens = std::max<std::size_t>(1, tokens + thoughts);
  if (behaviour.refusal) {
    std::string body = blocked_body(behaviour, request, sayings.front());
    if (request.stream) {
      reply.events.push_back({.data = std::move(body)});
    } else {
      reply.body = std::move(body);
    }
    return reply;
  }
  if (request.stream) {
    for (std::size_t i = 0; i < sayings.size(); ++i) {
      append_events(reply, behaviour, request, sayings[i], i);
    }
    reply.finish_at = reply.events.size() - 1;
    return reply;
  }
  reply.body = R"({"candidates":[)";
  for (std::size_t i = 0; i < sayings.size(); ++i) {
    reply.body += i == 0 ? "" : ",";
    reply.body += candidate_json({.index = i,
                                  .parts = whole_parts(behaviour, request, sayings[i]),
                                  .finish = finish_of(sayings[i]),
                                  .logprobs = logprobs(request, sayings[i].pieces)});
  }
  reply.body += "]," + tail(behaviour, request, sayings.front(), tokens, thoughts);
  return reply;
}

Reply gemini_count(const Behaviour& behaviour) {
  return json_reply(Protocol::Gemini,
                    R"({"totalTokens":)" + std::to_string(behaviour.prompt_tokens) + "}");
}

Reply gemini_embedding(const Behaviour& behaviour, const GeminiEmbedding& request) {
  std::size_t dimensions = request.dimensions.value_or(behaviour.dimensions);
  std::string body = request.batch ? R"({"embeddings":[)" : R"({"embedding":)";
  for (std::size_t i = 0; i < request.count; ++i) {
    body += i == 0 ? R"({"values":)" : R"(,{"values":)";
    append_embedding(body, i, dimensions);
    body += '}';
  }
  Reply reply = json_reply(Protocol::Gemini, body + (request.batch ? "]}" : "}"));
  reply.tokens = 1;
  return reply;
}

Reply gemini_models(std::string_view id) {
  return json_reply(Protocol::Gemini,
                    id.empty() ? R"({"models":[)" + model_json("sim") + "]}" : model_json(id));
}

}  // namespace headgate::sim
