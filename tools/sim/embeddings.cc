#include "sim/embeddings.h"

#include <cstring>
#include <vector>

#include <openssl/evp.h>

#include "sim/text.h"

namespace headgate::sim {
namespace {

/// Multiples of 1/64 between -0.5 and 0.5: exact in binary and in few decimals.
float component(std::size_t index, std::size_t place) {
  return static_cast<float>((index * 31 + place * 7) % 65) / 64.0F - 0.5F;
}

void append_base64(std::string& out, const std::vector<float>& numbers) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");
  std::size_t bytes = numbers.size() * sizeof(float);
  std::vector<unsigned char> raw(bytes + 1);
  std::memcpy(raw.data(), numbers.data(), bytes);
  std::vector<unsigned char> text((bytes + 2) / 3 * 4 + 1);
  int size = EVP_EncodeBlock(text.data(), raw.data(), static_cast<int>(bytes));
  out.append(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size));
}

}  // namespace

void append_embedding(std::string& out, std::size_t index, std::size_t dimensions) {
  out += '[';
  for (std::size_t place = 0; place < dimensions; ++place) {
    out += place == 0 ? "" : ",";
    out += std::to_string(component(index, place));
  }
  out += ']';
}

std::string embeddings_body(std::string_view model, std::size_t inputs, std::size_t dimensions,
                            std::size_t prompt_tokens, Encoding encoding) {
  std::string body = R"({"object":"list","data":[)";
  std::vector<float> numbers(dimensions);
  for (std::size_t index = 0; index < inputs; ++index) {
    for (std::size_t place = 0; place < dimensions; ++place) {
      numbers[place] = component(index, place);
    }
    body += index == 0 ? "" : ",";
    body += R"({"object":"embedding","index":)" + std::to_string(index) + R"(,"embedding":)";
    if (encoding == Encoding::Base64) {
      body += '"';
      append_base64(body, numbers);
      body += "\"}";
      continue;
    }
    append_embedding(body, index, dimensions);
    body += '}';
  }
  body += R"(],"model":)";
  append_json_string(body, model, HighBytes::Keep);
  std::string tokens = std::to_string(prompt_tokens);
  return body + R"(,"usage":{"prompt_tokens":)" + tokens + R"(,"total_tokens":)" + tokens + "}}";
}

}  // namespace headgate::sim
