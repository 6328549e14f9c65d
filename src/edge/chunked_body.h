#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate::edge {

/// Decodes a chunked request body (RFC 9112 §7.1) that arrives piece by piece, strictly.
class ChunkedBody {
 public:
  explicit ChunkedBody(std::uint64_t max_body) : max_body_(max_body) {}

  /// Takes bytes from the front of `input`, appends the data in them to `body`, and returns how
  /// many were taken: all of them unless the body is complete. InvalidRequest if the coding is
  /// broken, TooLarge when the data pass the limit.
  Result<std::size_t> feed(std::string_view input, std::string& body);
  bool complete() const { return state_ == State::Done; }

 private:
  enum class State : std::uint8_t {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
  };
  Result<void> take_size_byte(char c);
  Result<void> count_overhead(std::size_t& counter, std::size_t limit);
  Result<void> begin_chunk();

  std::uint64_t max_body_;
  std::uint64_t left_ = 0;  // of the current chunk
  std::uint64_t total_ = 0;
  unsigned digits_ = 0;
  std::size_t extension_bytes_ = 0;  // over the whole message
  std::size_t trailer_bytes_ = 0;
  State state_ = State::Size;
};

}  // namespace headgate::edge
