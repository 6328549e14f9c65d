#include "api/media_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/errors.h"
#include "api/json_walker.h"
#include "api/multipart.h"
#include "api/request_members.h"
#include "base/encoding.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

using model::AnswerForm;
using model::Delivery;
using model::Kind;

constexpr std::int64_t kMostImages = 10;
constexpr std::int64_t kMostPartialImages = 3;
constexpr double kSlowest = 0.25;
constexpr double kFastest = 4;

/// The outermost members by their names, as raw JSON; null counts as absent.
class Members final : public JsonVisitor {
 public:
  void member(const JsonMember& member) override {
    if (member.value != "null" || member.name == "model") {
      members_.push_back(member);
    }
  }
  void inner_member(const JsonMember&) override {}

  std::optional<std::string_view> operator[](std::string_view name) const {
    const auto found = std::ranges::find(members_, name, &JsonMember::name);
    return found == members_.end() ? std::nullopt : std::optional(found->value);
  }

 private:
  std::vector<JsonMember> members_;
};

Result<void> require_text(const Members& members, const std::string& name) {
  const auto value = members[name];
  if (!value) {
    return missing_member(name);
  }
  return value->starts_with('"') && *value != R"("")" ? Result<void>()
                                                      : wrong_member(name, "a text");
}

/// The whole number of that name, or `usual`.
Result<std::int64_t> number_of(const Members& members, const std::string& name, std::int64_t least,
                               std::int64_t most, std::int64_t usual) {
  const auto raw = members[name];
  if (!raw) {
    return usual;
  }
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(raw->data(), raw->data() + raw->size(), number);
  if (status != std::errc() || end != raw->data() + raw->size() || number < least ||
      number > most) {
    return wrong_member(
        name, most == INT64_MAX
                  ? "a whole number of at least " + std::to_string(least)
                  : "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Result<void> read_image(const Members& members, model::InferenceRequest& request) {
  auto prompt = require_text(members, "prompt");
  if (!prompt) {
    return prompt;
  }
  auto count = number_of(members, "n", 1, kMostImages, 1);
  if (!count) {
    return fail(count.error());
  }
  request.images = *count;
  auto partial = number_of(members, "partial_images", 0, kMostPartialImages, 0);
  if (!partial) {
    return fail(partial.error());
  }
  auto stream = decode_flag(members["stream"], "stream");
  if (!stream) {
    return fail(stream.error());
  }
  request.delivery = *stream ? Delivery::Stream : Delivery::Whole;
  return {};
}

Result<void> read_speech(const Members& members, model::InferenceRequest& request) {
  auto input = require_text(members, "input");
  if (!input) {
    return input;
  }
  request.characters = count_characters(*members["input"]);
  request.form = AnswerForm::Audio;
  if (const auto voice = members["voice"];
      voice && !voice->starts_with('"') && !voice->starts_with('{')) {
    return wrong_member("voice", "the name of a voice, or an object with its id");
  }
  if (const auto raw = members["speed"]) {
    double speed = 0;
    std::from_chars(raw->data(), raw->data() + raw->size(), speed);
    if (speed < kSlowest || speed > kFastest) {
      return wrong_member("speed", "a number from 0.25 to 4");
    }
  }
  const std::string_view format = members["stream_format"].value_or(R"("audio")");
  if (format != R"("audio")" && format != R"("sse")") {
    return wrong_member("stream_format", "audio or sse");
  }
  request.delivery = format == R"("sse")" ? Delivery::Stream : Delivery::Whole;
  return {};
}

Result<void> read_moderation(const Members& members) {
  const auto input = members["input"];
  if (!input) {
    return missing_member("input");
  }
  const bool is_some = (input->starts_with('"') && *input != R"("")") || has_elements(*input);
  return is_some ? Result<void>() : wrong_member("input", "a text or an array of inputs");
}

Result<void> read_ranking(const Members& members) {
  const auto query = members["query"];
  if (!query) {
    return missing_member("query");
  }
  if (!query->starts_with('{')) {  // some rank by an image
    auto text = require_text(members, "query");
    if (!text) {
      return text;
    }
  }
  const auto documents = members["documents"];
  if (!documents) {
    return missing_member("documents");
  }
  if (!has_elements(*documents)) {
    return wrong_member("documents", "an array of documents");
  }
  auto top = number_of(members, "top_n", 1, INT64_MAX, 1);
  if (!top) {
    return fail(top.error());
  }
  auto shown = decode_flag(members["return_documents"], "return_documents");
  return shown ? Result<void>() : fail(shown.error());
}

Result<void> read_members(const Members& members, model::InferenceRequest& request) {
  switch (request.kind) {
    case Kind::Image:
      return read_image(members, request);
    case Kind::Speech:
      return read_speech(members, request);
    case Kind::Moderation:
      return read_moderation(members);
    default:
      return read_ranking(members);
  }
}

Error wrong_content_type(std::string_view wanted) {
  Error error = invalid_request("The Content-Type must be " + std::string(wanted) + ".");
  error.kind = ErrorKind::Unsupported;
  return error;
}

Result<model::InferenceRequest> parse_json(Kind kind, const edge::Request& http) {
  if (!is_media_type(http.field("content-type").value_or(""), "application/json")) {
    return fail(wrong_content_type("application/json"));
  }
  Members members;
  auto walked = walk_json(http.body, members);
  if (!walked) {
    return fail(walked.error());
  }
  if (members["webhook_url"]) {
    return fail(webhook_needs_job("webhook_url"));  // that of a job has been taken out
  }
  model::InferenceRequest request;
  request.kind = kind;
  request.body = http.body;
  const auto model = members["model"];
  if (!model && kind == Kind::Moderation) {
    request.model = kUsualModerator;
  } else {
    auto name = decode_model(model);
    if (!name) {
      return fail(name.error());
    }
    request.model = std::move(*name);
    request.model_value = span_of(http.body, *model);
  }
  auto read = read_members(members, request);
  if (!read) {
    return fail(read.error());
  }
  return request;
}

/// The only part of that name, or nullptr. InvalidRequest if there are several: the model server
/// might read another of them than the gateway.
Result<const FormPart*> only_part(const std::vector<FormPart>& parts, const std::string& name) {
  const FormPart* found = nullptr;
  for (const FormPart& part : parts) {
    if (part.name != name) {
      continue;
    }
    if (found != nullptr) {
      return fail(invalid_request("'" + name + "' is given more than once.", name));
    }
    found = &part;
  }
  return found;
}

Result<std::string_view> field_of(const std::vector<FormPart>& parts, const std::string& name) {
  auto part = only_part(parts, name);
  if (!part) {
    return fail(part.error());
  }
  return *part == nullptr ? std::string_view() : (*part)->data;
}

Result<void> require_sound(const std::vector<FormPart>& parts) {
  auto file = only_part(parts, "file");
  if (!file) {
    return fail(file.error());
  }
  if (*file == nullptr) {
    return missing_member("file");
  }
  if ((*file)->file_name.empty() || (*file)->data.empty()) {
    return wrong_member("file", "a sound file with its name");
  }
  return {};
}

Result<void> read_form(const std::vector<FormPart>& parts, model::InferenceRequest& request) {
  constexpr std::size_t kMaxModelName = 256;
  auto model = field_of(parts, "model");
  if (!model) {
    return fail(model.error());
  }
  if (model->data() == nullptr) {
    return missing_member("model");
  }
  if (model->empty() || model->size() > kMaxModelName || !is_utf8(*model)) {
    return wrong_member("model", "a text of 1 to 256 characters");
  }
  request.model = *model;
  request.model_value = span_of(request.body, *model);
  auto stream = field_of(parts, "stream");
  auto format = field_of(parts, "response_format");
  if (!stream || !format) {
    return fail(stream ? format.error() : stream.error());
  }
  const std::string flag = ascii_lower(*stream);  // what Python clients write has a capital
  if (!flag.empty() && flag != "true" && flag != "false") {
    return wrong_member("stream", "true or false");
  }
  request.delivery = flag == "true" ? Delivery::Stream : Delivery::Whole;
  constexpr std::array<std::string_view, 3> kTexts = {"text", "srt", "vtt"};
  if (std::ranges::find(kTexts, *format) != kTexts.end()) {
    request.form = AnswerForm::Text;
  }
  return {};
}

/// The same boundary as a quoted string, which leaves nothing to be read in two ways.
std::string form_type(const std::string& boundary) {
  std::string type = "multipart/form-data; boundary=";
  if (is_token(boundary)) {
    return type + boundary;
  }
  type.push_back('"');
  for (const char c : boundary) {
    if (c == '"' || c == '\\') {
      type.push_back('\\');
    }
    type.push_back(c);
  }
  type.push_back('"');
  return type;
}

Result<model::InferenceRequest> parse_form_request(Kind kind, const edge::Request& http) {
  const std::string_view type = http.field("content-type").value_or("");
  if (!is_multipart(type)) {
    return fail(wrong_content_type("multipart/form-data"));
  }
  auto boundary = multipart_boundary(type);
  if (!boundary) {
    return fail(boundary.error());
  }
  auto parts = split_multipart(*boundary, http.body);
  if (!parts) {
    return fail(parts.error());
  }
  model::InferenceRequest request;
  request.kind = kind;
  request.body = http.body;
  request.content_type = form_type(*boundary);
  auto sound = require_sound(*parts);
  if (!sound) {
    return fail(sound.error());
  }
  auto read = read_form(*parts, request);
  if (!read) {
    return fail(read.error());
  }
  return request;
}

}  // namespace

bool is_of_media(model::Kind kind) {
  return kind == Kind::Image || kind == Kind::Speech || kind == Kind::Transcription ||
         kind == Kind::Moderation || kind == Kind::Rerank;
}

Result<model::InferenceRequest> parse_media_request(model::Kind kind, const edge::Request& http) {
  return kind == Kind::Transcription ? parse_form_request(kind, http) : parse_json(kind, http);
}

}  // namespace headgate::api
