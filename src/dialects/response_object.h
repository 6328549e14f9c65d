#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dialects/dialect.h"
#include "model/chat_answer.h"
#include "model/token_usage.h"

namespace headgate::dialects {

/// How a response stands, as its object says it.
struct ResponseStanding {
  std::string_view status = "completed";
  std::string output;            ///< items as JSON, with commas between them
  const Error* error = nullptr;  ///< of a failed one
  std::string_view incomplete_reason;
  model::Usage usage;
};

/// The object of one response: what it repeats of the request, and its ids.
class ResponseObject final {
 public:
  explicit ResponseObject(const AnswerFrame& frame);

  void set_model(std::string model);
  std::string encode(const ResponseStanding& standing) const;
  /// The id of the item at `number` in the output; `prefix` is "msg", "fc" or "rs".
  std::string item_id(std::string_view prefix, std::size_t number) const;

 private:
  std::string id_;
  std::string model_;
  std::int64_t created_;
  std::string echo_;  ///< members of the request, each behind a comma
};

// Items and parts as JSON.
std::string output_text_part(std::string_view text, std::string_view logprobs);
std::string refusal_part(std::string_view text);
std::string summary_part(std::string_view text);
/// `content` is parts with commas between them.
std::string message_item(std::string_view id, std::string_view status, std::string_view content);
/// `summary` is parts with commas between them; `signature` may be empty.
std::string reasoning_item(std::string_view id, std::string_view summary,
                           std::string_view signature);
std::string call_item(std::string_view id, std::string_view status, const model::ToolCall& call);

/// Appends `item` to a list with commas.
void append_item(std::string& list, std::string_view item);
/// The elements of the logprobs that `chat` (in the form of chat completions) has, with commas.
std::string logprob_elements(std::string_view chat);
/// What a finish is to a response: "" if it is complete, else the reason why not.
std::string_view incomplete_reason(model::Finish finish);

}  // namespace headgate::dialects
