#include "sim/body_scan.h"

#include <algorithm>
#include <cstring>

#include "sim/text.h"

namespace headgate::sim {
namespace {

/// Longest name or value worth keeping: a model's name with many parameters.
constexpr std::size_t kMaxText = 1024;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

void BodyScan::reset() {
  state_ = State::Before;
  depth_ = 0;
  in_key_ = false;
  member_ = Member::Other;
  value_is_string_ = false;
  text_.clear();
  model_.reset();
  stream_.clear();
  encoding_format_.clear();
  max_tokens_.clear();
  max_completion_tokens_.clear();
  dimensions_.clear();
  include_usage_ = false;
  extended_ = false;
  input_kind_ = 0;
  input_first_ = 0;
  input_commas_ = 0;
}

/// Strings are collected where they are names or values of known members.
bool BodyScan::capturing() const {
  return (depth_ == 1 && (in_key_ || member_ != Member::Other)) ||
         (depth_ == 2 && member_ == Member::StreamOptions);
}

void BodyScan::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* end = at + bytes.size();
  while (at != end) {
    if (state_ == State::Escape) {
      if (capturing() && text_.size() < kMaxText) {
        if (*at != '/' && *at != '"') {
          text_ += '\\';
        }
        text_ += *at;
      }
      ++at;
      state_ = State::String;
      continue;
    }
    if (state_ != State::String) {
      structure(*at++);
      continue;
    }
    auto left = static_cast<std::size_t>(end - at);
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', left));
    const char* stop = quote ? quote : end;
    const auto* slash =
        static_cast<const char*>(std::memchr(at, '\\', static_cast<std::size_t>(stop - at)));
    if (slash) {
      stop = slash;
    }
    if (capturing() && text_.size() < kMaxText) {
      text_.append(at, std::min(static_cast<std::size_t>(stop - at), kMaxText));
    }
    at = stop;
    if (at == end) {
      return;
    }
    ++at;
    if (slash) {
      state_ = State::Escape;
    } else {
      state_ = State::Structure;
      end_string();
    }
  }
}

void BodyScan::structure(char c) {
  if (is_space(c) || state_ == State::After) {
    return;
  }
  if (state_ == State::Before) {
    if (c == '{') {
      state_ = State::Structure;
      depth_ = 1;
      in_key_ = true;
    }
    return;
  }
  if (member_ == Member::Input) {
    note_input(c);
  }
  switch (c) {
    case '"':
      state_ = State::String;
      if (capturing() && depth_ == 1) {
        text_.clear();
        value_is_string_ = !in_key_;
      }
      return;
    case '{':
    case '[':
      ++depth_;
      return;
    case '}':
    case ']':
      if (depth_ == 1) {
        end_value();
        state_ = State::After;
        depth_ = 0;
        return;
      }
      --depth_;
      return;
    case ':':
      if (depth_ == 1) {
        in_key_ = false;
        value_is_string_ = false;
        text_.clear();
        return;
      }
      break;
    case ',':
      if (depth_ == 1) {
        end_value();
        in_key_ = true;
        return;
      }
      break;
    default:
      break;
  }
  // A number, a literal, or the inside of stream_options: kept without spaces.
  if (capturing() && !in_key_ && text_.size() < kMaxText) {
    text_ += c;
  }
}

void BodyScan::end_string() {
  if (depth_ != 1 || !in_key_) {
    return;
  }
  static constexpr struct {
    std::string_view name;
    Member member;
  } kMembers[] = {
      {"model", Member::Model},
      {"stream", Member::Stream},
      {"stream_options", Member::StreamOptions},
      {"encoding_format", Member::EncodingFormat},
      {"max_tokens", Member::MaxTokens},
      {"max_completion_tokens", Member::MaxCompletionTokens},
      {"dimensions", Member::Dimensions},
      {"input", Member::Input},
      {"n", Member::Extended},
      {"stop", Member::Extended},
      {"tools", Member::Extended},
      {"logprobs", Member::Extended},
      {"response_format", Member::Extended},
      {"continue_final_message", Member::Extended},
  };
  member_ = Member::Other;
  for (const auto& known : kMembers) {
    if (known.name == text_) {
      member_ = known.member;
    }
  }
}

void BodyScan::end_value() {
  switch (member_) {
    case Member::Model:
      if (value_is_string_) {
        model_ = text_;
      }
      break;
    case Member::Stream:
      stream_ = text_;
      break;
    case Member::StreamOptions:
      include_usage_ = text_.find("include_usage:true") != std::string::npos;
      break;
    case Member::EncodingFormat:
      encoding_format_ = text_;
      break;
    case Member::MaxTokens:
      max_tokens_ = text_;
      break;
    case Member::MaxCompletionTokens:
      max_completion_tokens_ = text_;
      break;
    case Member::Dimensions:
      dimensions_ = text_;
      break;
    case Member::Extended:
      extended_ = extended_ || (text_ != "null" && text_ != "1" && text_ != "false");
      break;
    case Member::Input:
    case Member::Other:
      break;
  }
  member_ = Member::Other;
  text_.clear();
}

void BodyScan::note_input(char c) {
  if (depth_ == 1 && c == ':') {
    return;
  }
  if (input_kind_ == 0) {
    input_kind_ = c;
  } else if (depth_ == 2 && input_first_ == 0) {
    input_first_ = c;
  } else if (depth_ == 2 && c == ',') {
    ++input_commas_;
  }
}

std::size_t BodyScan::inputs() const {
  if (input_kind_ == '"') {
    return 1;
  }
  if (input_kind_ != '[' || input_first_ == 0 || input_first_ == ']') {
    return 0;
  }
  bool one_list_of_tokens = input_first_ != '"' && input_first_ != '[';
  return one_list_of_tokens ? 1 : input_commas_ + 1;
}

std::optional<std::size_t> BodyScan::max_tokens() const {
  auto limit = parse_count(max_completion_tokens_, SIZE_MAX);
  return limit ? limit : parse_count(max_tokens_, SIZE_MAX);
}

std::optional<std::size_t> BodyScan::dimensions() const { return parse_count(dimensions_, 65536); }

}  // namespace headgate::sim
