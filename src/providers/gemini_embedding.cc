#include "providers/gemini_embedding.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include <simdjson.h>

#include "providers/gemini_json.h"

namespace headgate::providers {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

/// A length that differs from 1 by less is rounding.
constexpr double kRounding = 1e-4;

void write_one(const model::EmbeddingRequest& request, const std::string& input,
               std::string_view resource, std::string& out) {
  begin_element(out);
  out.push_back('{');
  add_text(out, "model", resource);
  begin_member(out, "content");
  out.append(R"({"parts":[{)");
  add_text(out, "text", input);
  out.append("}]}");
  if (request.dimensions) {
    add_number(out, "outputDimensionality", *request.dimensions);
  }
  out.push_back('}');
}

void normalise(std::vector<float>& vector) {
  double squares = 0;
  for (const float value : vector) {
    squares += static_cast<double>(value) * value;
  }
  const double length = std::sqrt(squares);
  if (!std::isfinite(length) || length == 0 || std::abs(length - 1) < kRounding) {
    return;
  }
  for (float& value : vector) {
    value = static_cast<float>(value / length);
  }
}

Result<std::vector<float>> read_vector(element embedding) {
  simdjson::dom::array values;
  if (embedding["values"].get(values) != SUCCESS || values.size() == 0) {
    return fail(upstream_failed("The model server answered with no embedding.",
                                "embedding without values"));
  }
  std::vector<float> vector;
  vector.reserve(values.size());
  for (const element value : values) {
    double number = 0;
    if (value.get(number) != SUCCESS) {
      return fail(upstream_failed("The model server answered with no embedding.",
                                  "embedding with a value that is no number"));
    }
    vector.push_back(static_cast<float>(number));
  }
  normalise(vector);
  return vector;
}

}  // namespace

std::string write_gemini_embedding(const model::EmbeddingRequest& request,
                                   std::string_view resource) {
  std::string out;
  if (request.inputs.size() == 1) {
    write_one(request, request.inputs.front(), resource, out);
    return out;
  }
  out = R"({"requests":[)";
  for (const std::string& input : request.inputs) {
    write_one(request, input, resource, out);
  }
  out.append("]}");
  return out;
}

Result<model::EmbeddingAnswer> read_gemini_embedding(std::string_view body) {
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(body.data(), body.size()).get(root) != SUCCESS) {
    return fail(upstream_failed("The model server's answer cannot be read.", "body is not JSON"));
  }
  model::EmbeddingAnswer answer;
  simdjson::dom::array embeddings;
  element embedding;
  if (root["embeddings"].get(embeddings) == SUCCESS) {
    answer.vectors.reserve(embeddings.size());
    for (const element one : embeddings) {
      auto vector = read_vector(one);
      if (!vector) {
        return fail(vector.error());
      }
      answer.vectors.push_back(std::move(*vector));
    }
  } else if (root["embedding"].get(embedding) == SUCCESS) {
    auto vector = read_vector(embedding);
    if (!vector) {
      return fail(vector.error());
    }
    answer.vectors.push_back(std::move(*vector));
  }
  if (answer.vectors.empty()) {
    return fail(
        upstream_failed("The model server answered with no embedding.", "no embeddings in body"));
  }
  std::int64_t tokens = 0;
  if (root["usageMetadata"]["promptTokenCount"].get(tokens) == SUCCESS) {
    answer.usage.input_tokens = tokens;
  }
  return answer;
}

}  // namespace headgate::providers
