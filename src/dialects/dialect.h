#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "model/chat.h"
#include "model/chat_answer.h"
#include "model/inference_request.h"

namespace headgate::dialects {

/// What of an answer is ours to say, not the vendor's.
struct AnswerFrame {
  std::string request_id;
  std::string model;              ///< the public name, where the vendor tells none
  std::int64_t created = 0;       ///< Unix seconds
  bool usage_wanted = false;      ///< the client asked for usage in the stream
  std::string_view request_body;  ///< for dialects that repeat parts of the request in the answer
};

/// Writes one streamed answer as a client of the dialect reads it.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  /// Appends what `event` is to the client: whole SSE events, maybe none.
  virtual void write(const model::ChatEvent& event, std::string& out) = 0;
  /// The answer is complete: appends its proper end, once.
  virtual void finish(std::string& out) = 0;
  /// The answer broke off: appends the dialect's error event, and never a proper end.
  virtual void fail(const Error& error, std::string& out) = 0;
};

/// The client's side of a chat API: its request as the neutral model, and neutral answers in its
/// words. Pure and immutable, shared between threads.
class Dialect {
 public:
  virtual ~Dialect() = default;
  /// `body` is valid JSON. InvalidRequest names the member that is wrong, or that has no neutral
  /// form: nothing is left out silently.
  virtual Result<model::ChatRequest> decode(std::string_view body) const = 0;
  /// A whole answer as a JSON body.
  virtual std::string encode(const model::ChatAnswer& answer, const AnswerFrame& frame) const = 0;
  virtual std::unique_ptr<AnswerWriter> writer(const AnswerFrame& frame) const = 0;
  /// What keeps a silent stream open: a comment or a ping event.
  virtual std::string_view ping() const = 0;
};

/// The client's side of `dialect`.
const Dialect& dialect_for(model::Dialect dialect);

}  // namespace headgate::dialects
