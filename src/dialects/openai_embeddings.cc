#include "dialects/openai_embeddings.h"

#include <bit>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/json_writer.h"
#include "dialects/field_reader.h"
#include "dialects/openai_words.h"

namespace headgate::dialects {
namespace {

using Encoding = model::EmbeddingRequest::Encoding;

static_assert(std::endian::native == std::endian::little, "vectors are little-endian on the wire");

void decode_inputs(FieldReader& fields, const JsonView& input, std::vector<std::string>& inputs) {
  constexpr std::size_t kMost = 2048;
  if (!input.given()) {
    fields.missing("input");
    return;
  }
  const std::vector<JsonView> texts =
      input.is_string() ? std::vector<JsonView>{input} : input.items();
  if (texts.empty() || texts.size() > kMost) {
    fields.wrong("input", "a string or an array of 1 to 2048 strings");
    return;
  }
  for (const JsonView& text : texts) {
    if (text.type() == JsonView::Type::Number || text.is_array()) {
      fields.unsupported("input", "token numbers mean nothing to it, send text");
      return;
    }
    inputs.push_back(fields.required_text(text, "input"));
  }
}

}  // namespace

Result<model::EmbeddingRequest> decode_openai_embedding(std::string_view body) {
  const JsonObject root = JsonView(body);
  FieldReader fields;
  model::EmbeddingRequest request;
  fields.refuse_unknown(root, "", {"model", "input", "encoding_format", "dimensions", "user"});
  decode_inputs(fields, root["input"], request.inputs);
  const std::string encoding =
      fields.word(root["encoding_format"], "encoding_format", {"float", "base64"});
  request.encoding = encoding == "base64" ? Encoding::Base64 : Encoding::Float;
  request.dimensions = fields.integer(root["dimensions"], "dimensions", 1, INT64_MAX);
  request.user = fields.text(root["user"], "user");
  if (fields.failed()) {
    return fail(*fields.error());
  }
  return request;
}

std::string encode_openai_embedding(const model::EmbeddingAnswer& answer, Encoding encoding,
                                    const AnswerFrame& frame) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("object").text("list").key("data").begin_array();
  for (std::size_t i = 0; i < answer.vectors.size(); ++i) {
    const std::vector<float>& vector = answer.vectors[i];
    json.begin_object().key("object").text("embedding").key("index").number(i).key("embedding");
    if (encoding == Encoding::Base64) {
      json.text(
          base64({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)}));
    } else {
      json.begin_array();
      for (const float coordinate : vector) {
        json.number(coordinate);
      }
      json.end_array();
    }
    json.end_object();
  }
  json.end_array().key("model").text(answer.model.empty() ? frame.model : answer.model);
  json.key("usage").begin_object().key("prompt_tokens").number(told(answer.usage.input_tokens));
  json.key("total_tokens").number(told(answer.usage.input_tokens)).end_object().end_object();
  return out;
}

}  // namespace headgate::dialects
