#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate {

/// Decodes a body in chunked coding (RFC 9112 §7.1) that arrives piece by piece, strictly: at most
/// 16 size digits, 4 KiB of extensions and 8 KiB of trailers a message, CRLF everywhere.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(std::uint64_t max_body = UINT64_MAX) : max_body_(max_body) {}

  struct Step {
    std::size_t taken = 0;  ///< bytes of the input that are done with, framing and data
    std::string_view data;  ///< the run of body bytes at their end, maybe empty
  };
  /// Takes framing and then at most one run of data from the front of `input`. Call again with the
  /// rest until nothing is taken. InvalidRequest if the coding is broken, TooLarge past the limit.
  Result<Step> next(std::string_view input);
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

  Result<void> take(char c);

  std::uint64_t max_body_;
  std::uint64_t left_ = 0;  // of the current chunk
  std::uint64_t total_ = 0;
  unsigned digits_ = 0;
  std::size_t extension_bytes_ = 0;  // over the whole message
  std::size_t trailer_bytes_ = 0;
  State state_ = State::Size;
};

}  // namespace headgate
