#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include <simdjson.h>

#include "base/encoding.h"
#include "base/json_writer.h"
#include "providers/openai_chat.h"
#include "providers/openai_error.h"

namespace headgate::providers {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are little-endian on the wire");

Failure no_vectors(std::string detail) {
  return fail(
      upstream_failed("The model server's answer could not be understood.", std::move(detail)));
}

/// The vector that `value` is; empty if it is none.
std::vector<float> read_vector(simdjson::dom::element value) {
  std::vector<float> vector;
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) {
    const auto bytes = decode_base64(text);
    if (bytes && bytes->size() % sizeof(float) == 0) {
      vector.resize(bytes->size() / sizeof(float));
      std::memcpy(vector.data(), bytes->data(), bytes->size());
    }
    return vector;
  }
  simdjson::dom::array numbers;
  if (value.get(numbers) != simdjson::SUCCESS) {
    return vector;
  }
  vector.reserve(numbers.size());
  for (const simdjson::dom::element number : numbers) {
    double coordinate = 0;
    if (number.get(coordinate) != simdjson::SUCCESS) {
      return {};
    }
    vector.push_back(static_cast<float>(coordinate));
  }
  return vector;
}

}  // namespace

Result<WireRequest> encode_openai_embedding(const model::EmbeddingRequest& request,
                                            const TargetName& target) {
  WireRequest wire;
  wire.path = "/embeddings";
  wire.fields = "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
  JsonWriter json(wire.owned);
  json.begin_object().key("model").raw(target.json_model).key("input").begin_array();
  for (const std::string& input : request.inputs) {
    json.text(input);
  }
  // Every server gives numbers; not every one knows base64.
  json.end_array().key("encoding_format").text("float");
  if (request.dimensions) {
    json.key("dimensions").number(*request.dimensions);
  }
  if (!request.user.empty()) {
    json.key("user").text(request.user);
  }
  json.end_object();
  wire.add(wire.owned);
  return wire;
}

Result<model::EmbeddingAnswer> decode_openai_embedding(std::string_view body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return no_vectors("the answer is no JSON object");
  }
  if (simdjson::dom::element error;
      root["error"].get(error) == simdjson::SUCCESS && !error.is_null()) {
    return fail(decode_openai_error_event(body));
  }
  simdjson::dom::array data;
  if (root["data"].get(data) != simdjson::SUCCESS || data.size() == 0) {
    return no_vectors("no data");
  }
  model::EmbeddingAnswer answer;
  std::string_view model;
  if (root["model"].get(model) == simdjson::SUCCESS) {
    answer.model = model;
  }
  std::vector<simdjson::dom::element> entries;
  for (const simdjson::dom::element entry : data) {
    entries.push_back(entry);
  }
  answer.vectors.resize(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::uint64_t index = 0;
    if (entries[i]["index"].get(index) != simdjson::SUCCESS) {
      index = i;
    }
    simdjson::dom::element value;
    if (index >= entries.size() || !answer.vectors[index].empty() ||
        entries[i]["embedding"].get(value) != simdjson::SUCCESS) {
      return no_vectors("a vector is missing or out of place");
    }
    answer.vectors[index] = read_vector(value);
    if (answer.vectors[index].empty()) {
      return no_vectors("an embedding is no vector");
    }
  }
  answer.usage = read_openai_usage(JsonView(body)["usage"]);
  return answer;
}

}  // namespace headgate::providers
