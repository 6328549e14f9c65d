#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace headgate::sim {

/// How the numbers of an embedding are written.
enum class Encoding : unsigned char { Float, Base64 };

/// The body of an embeddings answer: `inputs` vectors of `dimensions` numbers, the same for the
/// same place in the list whichever encoding.
std::string embeddings_body(std::string_view model, std::size_t inputs, std::size_t dimensions,
                            std::size_t prompt_tokens, Encoding encoding);

/// Appends the `index`th of them as a JSON array.
void append_embedding(std::string& out, std::size_t index, std::size_t dimensions);

}  // namespace headgate::sim
