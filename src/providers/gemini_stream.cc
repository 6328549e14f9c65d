#include "providers/gemini_stream.h"

#include <optional>
#include <utility>

#include "providers/gemini_answer.h"

namespace headgate::providers {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class GeminiReader final : public ChatReader {
 public:
  Result<void> feed(std::string_view bytes, std::vector<model::ChatEvent>& events) override {
    if (failed_) {
      return fail(*failed_);  // whatever follows an error is not part of the answer
    }
    frames_.clear();
    auto cut = splitter_.feed(bytes, frames_);
    for (const std::string& frame : frames_) {
      if (auto taken = answer_.take(frame, events); !taken) {
        failed_ = taken.error();
        return taken;
      }
    }
    if (!cut) {
      failed_ = cut.error();
    }
    return cut;
  }

  Result<void> finish(std::vector<model::ChatEvent>& /*events*/) override {
    return failed_ ? Result<void>(fail(*failed_)) : answer_.finish();
  }

 private:
  GeminiFrames splitter_;
  GeminiAnswer answer_;
  std::vector<std::string> frames_;
  std::optional<Error> failed_;
};

}  // namespace

Result<void> GeminiFrames::feed(std::string_view bytes, std::vector<std::string>& frames) {
  for (const char c : bytes) {
    if (line_.size() + data_.size() >= kMaxFrame) {
      return fail(upstream_failed("The model server sent an event that is too large.",
                                  "event larger than 4 MiB"));
    }
    if (state_ == State::Object) {
      take_in_object(c, frames);
      continue;
    }
    const bool was_cr = std::exchange(after_cr_, c == '\r');
    if (c == '\r' || c == '\n') {
      if (c == '\r' || !was_cr) {
        end_line(frames);
      }
      continue;
    }
    if (state_ == State::LineStart && (c == '{' || c == '[' || c == ']' || c == ',' || c == ' ')) {
      if (c == '{') {
        state_ = State::Object;
        take_in_object(c, frames);
      }
      continue;  // brackets and commas around the elements of an array
    }
    state_ = State::Line;
    line_.push_back(c);
    if (line_ == kByteOrderMark) {
      line_.clear();
      state_ = State::LineStart;
    }
  }
  return {};
}

void GeminiFrames::take_in_object(char c, std::vector<std::string>& frames) {
  line_.push_back(c);
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
    return;
  }
  if (c == '"') {
    in_string_ = true;
  } else if (c == '{') {
    ++depth_;
  } else if (c == '}' && --depth_ == 0) {
    frames.push_back(std::exchange(line_, {}));
    state_ = State::LineStart;
    after_cr_ = false;
  }
}

void GeminiFrames::end_line(std::vector<std::string>& frames) {
  const bool is_blank = state_ == State::LineStart;
  state_ = State::LineStart;
  if (is_blank) {
    if (has_data_) {
      frames.push_back(std::exchange(data_, {}));
      has_data_ = false;
    }
    return;
  }
  const std::string line = std::exchange(line_, {});
  constexpr std::string_view kData = "data:";
  if (!line.starts_with(kData)) {
    return;
  }
  std::string_view value = std::string_view(line).substr(kData.size());
  if (value.starts_with(' ')) {
    value.remove_prefix(1);
  }
  if (has_data_) {
    data_.push_back('\n');
  }
  data_.append(value);
  has_data_ = true;
}

std::unique_ptr<ChatReader> make_gemini_reader() { return std::make_unique<GeminiReader>(); }

}  // namespace headgate::providers
