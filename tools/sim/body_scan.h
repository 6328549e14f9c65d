#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::sim {

/// Reads the few top-level members of a JSON request that decide the answer, in one pass over bytes
/// that may be cut anywhere. Strings are skipped at the speed of memchr, so megabytes of base64
/// cost next to nothing. It is no validator: a body that only looks like an object is accepted.
class BodyScan {
 public:
  void reset();
  void feed(std::string_view bytes);

  /// True if the bytes so far are one closed top-level object.
  bool complete() const { return state_ == State::After; }

  /// Unset if absent or not a string. Escapes other than \/ and \" are kept as they came.
  const std::optional<std::string>& model() const { return model_; }
  bool stream() const { return stream_ == "true"; }
  bool include_usage() const { return include_usage_; }
  /// Tools, schemas and the like: members that this scan is too small for.
  bool extended() const { return extended_; }
  bool base64_embeddings() const { return encoding_format_ == "base64"; }
  std::optional<std::size_t> max_tokens() const;
  std::optional<std::size_t> dimensions() const;
  /// How many embeddings `input` asks for; 0 if there is none.
  std::size_t inputs() const;

 private:
  enum class State : std::uint8_t { Before, Structure, String, Escape, After };
  enum class Member : std::uint8_t {
    Other,
    Model,
    Stream,
    StreamOptions,
    EncodingFormat,
    MaxTokens,
    MaxCompletionTokens,
    Dimensions,
    Input,
    Extended,
  };

  void structure(char c);
  void end_string();
  void end_value();
  void note_input(char c);
  bool capturing() const;

  State state_ = State::Before;
  std::size_t depth_ = 0;
  bool in_key_ = false;  // the next string at depth 1 is a member's name
  Member member_ = Member::Other;
  bool value_is_string_ = false;
  std::string text_;  // the name or small value being read
  std::optional<std::string> model_;
  std::string stream_;
  std::string encoding_format_;
  std::string max_tokens_;
  std::string max_completion_tokens_;
  std::string dimensions_;
  bool include_usage_ = false;
  bool extended_ = false;
  char input_kind_ = 0;   // the first byte of `input`: quote or bracket
  char input_first_ = 0;  // the first byte inside its array
  std::size_t input_commas_ = 0;
};

}  // namespace headgate::sim
