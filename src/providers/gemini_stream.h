#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "providers/provider.h"
#include "providers/sse_splitter.h"

namespace headgate::providers {

/// Cuts what streamGenerateContent sends into JSON objects: the data of server-sent events, the
/// elements of an array (without alt=sse), and objects that stand bare between events, as errors in
/// mid-stream do. Lines end with CRLF, LF or CR.
class GeminiFrames {
 public:
  static constexpr std::size_t kMaxFrame = SseSplitter::kMaxEvent;

  /// Appends the objects that are whole. UpstreamFailed if one is larger than kMaxFrame.
  Result<void> feed(std::string_view bytes, std::vector<std::string>& frames);

 private:
  void take_in_object(char c, std::vector<std::string>& frames);
  void end_line(std::vector<std::string>& frames);

  enum class State : std::uint8_t { LineStart, Line, Object };
  State state_ = State::LineStart;
  std::string line_;  // what is read of the line, or of the bare object
  std::string data_;  // of the event so far
  bool has_data_ = false;
  bool after_cr_ = false;
  std::size_t depth_ = 0;  // of the bare object
  bool in_string_ = false;
  bool escaped_ = false;
};

std::unique_ptr<ChatReader> make_gemini_reader();

}  // namespace headgate::providers
