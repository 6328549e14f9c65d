#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace headgate::api {

/// Puts the chunks of a streamed OpenAI chat or text completion together into the answer that the
/// same request gives without `stream`: texts and the arguments of tool calls are joined, other
/// members of a delta keep their last value.
class StreamAssembler final {
 public:
  StreamAssembler();
  ~StreamAssembler();
  StreamAssembler(const StreamAssembler&) = delete;
  StreamAssembler& operator=(const StreamAssembler&) = delete;

  /// One chunk's JSON; what is none is left out.
  void add(std::string_view chunk);
  /// The whole answer's JSON, with the usage (tokens; below 0: unknown) unless a chunk told it.
  std::string finish(std::int64_t prompt_tokens, std::int64_t completion_tokens);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::api
