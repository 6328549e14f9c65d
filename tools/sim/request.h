#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace headgate::sim {

/// The head of one request. Views point into the bytes it was read from.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< with query
  std::string_view fields;  ///< all header lines, with their CRLFs
  std::string_view authorization;
  std::size_t content_length = 0;
  bool chunked = false;
  bool expects_continue = false;
  bool http10 = false;
  bool close = false;  ///< the connection ends after this request

  std::string_view path() const { return target.substr(0, target.find('?')); }
};

/// Reads `bytes` up to and without the empty line that ends a head. Unset: not HTTP/1.x.
std::optional<RequestHead> parse_request_head(std::string_view bytes);

/// Takes the chunks of a request body apart. Accepts what a correct client sends and little more.
class ChunkReader {
 public:
  struct Step {
    std::size_t consumed = 0;  ///< bytes to drop from the front of the input
    std::string_view data;     ///< body bytes among them
  };

  void reset();
  /// Takes the next piece from `input`; nothing consumed means that more bytes are needed.
  Step step(std::string_view input);
  bool done() const { return state_ == State::Done; }
  bool failed() const { return state_ == State::Failed; }

 private:
  enum class State : std::uint8_t { Size, Data, DataEnd, Trailer, Done, Failed };

  State state_ = State::Size;
  std::size_t left_ = 0;
};

}  // namespace headgate::sim
