#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dialects/dialect.h"
#include "model/answer_trail.h"
#include "model/inference_request.h"
#include "providers/provider.h"

namespace headgate::dispatch {

/// A streamed chat in the provider's words, handed on in the client's.
class TranslatedStream final : public providers::StreamRelay {
 public:
  /// How an answer that another call has begun goes on.
  enum class From : std::uint8_t {
    Beginning,  ///< what the client has comes again and is left out
    Here,       ///< only what is new comes
  };

  TranslatedStream(std::unique_ptr<providers::ChatReader> reader,
                   std::unique_ptr<dialects::AnswerWriter> writer)
      : reader_(std::move(reader)), writer_(std::move(writer)) {}
  /// Goes on behind `begun`, which the client has of an earlier call.
  TranslatedStream(std::unique_ptr<providers::ChatReader> reader,
                   std::unique_ptr<dialects::AnswerWriter> writer, model::AnswerTrail begun,
                   From from);
  /// Goes on behind `earlier`, all of which the client has, with its writer; nothing more can come
  /// of `earlier`.
  TranslatedStream(std::unique_ptr<providers::ChatReader> reader, TranslatedStream& earlier,
                   From from);

  Result<std::string_view> feed(std::string_view bytes) override;
  Result<std::string_view> finish() override;
  providers::Usage usage() const override { return usage_; }
  /// The end, which is all that may follow, must tell the client the usage: what the vendor leaves
  /// open is estimated.
  void tell_usage(const model::InferenceRequest& request) { asked_by_ = &request; }
  bool ended() const override { return !pending_ && reader_->ended(); }
  /// The answer broke off for good: appends what tells the client so, in its place in the stream.
  void break_off(const Error& error, std::string& out) { writer_->fail(error, out); }

 private:
  Result<void> hand_on();

  std::unique_ptr<providers::ChatReader> reader_;
  std::unique_ptr<dialects::AnswerWriter> writer_;
  model::AnswerTrail begun_;
  std::optional<model::AnswerResumption> resumption_;
  std::vector<model::ChatEvent> events_;
  providers::Usage usage_;
  const model::InferenceRequest* asked_by_ = nullptr;  // set: the usage is to be told
  std::optional<Error> pending_;
  std::string out_;
};

}  // namespace headgate::dispatch
