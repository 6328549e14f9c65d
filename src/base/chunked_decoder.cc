#include "base/chunked_decoder.h"

#include <algorithm>
#include <utility>

namespace headgate {
namespace {

constexpr std::size_t kMaxExtensions = 4 << 10;
constexpr std::size_t kMaxTrailers = 8 << 10;
constexpr unsigned kMaxDigits = 16;

Failure bad(std::string message) { return fail(invalid_request(std::move(message))); }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

Result<void> ChunkedDecoder::begin_chunk() {
  digits_ = 0;
  if (left_ == 0) {
    state_ = State::TrailerStart;
    return {};
  }
  if (left_ > max_body_ - std::min(total_, max_body_)) {
    return fail(
        too_large("The request body is larger than " + std::to_string(max_body_) + " bytes."));
  }
  total_ += left_;
  state_ = State::Data;
  return {};
}

Result<void> ChunkedDecoder::take_size_byte(char c) {
  const int digit = hex_digit(c);
  if (digit >= 0) {
    if (++digits_ > kMaxDigits || left_ > (UINT64_MAX >> 5U)) {
      return bad("A chunk size is too large.");
    }
    left_ = left_ * 16 + static_cast<unsigned>(digit);
    return {};
  }
  if (digits_ == 0) {
    return bad("A chunk must start with its size in hexadecimal digits.");
  }
  if (c == '\r') {
    state_ = State::SizeLf;
  } else if (c == ';') {
    state_ = State::Extension;
  } else {
    return bad("A chunk size must be followed by CRLF.");
  }
  return {};
}

Result<void> ChunkedDecoder::count_overhead(std::size_t& counter, std::size_t limit) {
  if (++counter > limit) {
    return bad("Chunk extensions or trailers are too large.");
  }
  return {};
}

Result<void> ChunkedDecoder::take(char c) {
  Result<void> step;
  switch (state_) {
    case State::Size:
      step = take_size_byte(c);
      break;
    case State::Extension:
      if (c == '\r') {
        state_ = State::SizeLf;
      } else if (c == '\n' || (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) {
        step = bad("A chunk extension holds a control character.");
      } else {
        step = count_overhead(extension_bytes_, kMaxExtensions);
      }
      break;
    case State::SizeLf:
      step = c == '\n' ? begin_chunk() : bad("A chunk size must be followed by CRLF.");
      break;
    case State::DataCr:
      if (c != '\r') {
        step = bad("Chunk data must be followed by CRLF.");
      }
      state_ = State::DataLf;
      break;
    case State::DataLf:
      if (c != '\n') {
        step = bad("Chunk data must be followed by CRLF.");
      }
      state_ = State::Size;
      break;
    case State::TrailerStart:
    case State::Trailer:
      if (c == '\r') {
        state_ = state_ == State::TrailerStart ? State::EndLf : State::TrailerLf;
      } else if (c == '\n' || c == '\0') {
        step = bad("A trailer line must end with CRLF.");
      } else {
        state_ = State::Trailer;
        step = count_overhead(trailer_bytes_, kMaxTrailers);
      }
      break;
    case State::TrailerLf:
      if (c != '\n') {
        step = bad("A trailer line must end with CRLF.");
      }
      state_ = State::TrailerStart;
      break;
    case State::EndLf:
      if (c != '\n') {
        step = bad("The last chunk must be followed by CRLF.");
      }
      state_ = State::Done;
      break;
    case State::Data:
    case State::Done:
      break;
  }
  return step;
}

Result<ChunkedDecoder::Step> ChunkedDecoder::next(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && state_ != State::Done) {
    if (state_ == State::Data) {
      const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at));
      left_ -= run;
      if (left_ == 0) {
        state_ = State::DataCr;
      }
      return Step{at + run, input.substr(at, run)};
    }
    auto taken = take(input[at++]);
    if (!taken) {
      return fail(taken.error());
    }
  }
  return Step{at, {}};
}

}  // namespace headgate
