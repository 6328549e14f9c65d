#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sim/incoming.h"
#include "sim/models.h"
#include "sim/responses.h"
#include "sim/runpod.h"

namespace headgate::sim {

/// Which protocol a request speaks.
Protocol protocol_of(std::string_view path, std::string_view fields);

/// The key a request shows, in whichever field its protocol has for it.
std::string key_of(Protocol protocol, const Incoming& incoming);

/// Everything but bytes and time: what each endpoint of each protocol answers.
class Service {
 public:
  static constexpr std::size_t kMaxKeys = 256;

  /// `options` outlive the service.
  explicit Service(const Options& options) : options_(options), models_(options), runpod_(*this) {}

  /// The answer that comes before any endpoint's: the server is down, or the key is not good.
  /// Unset: go on.
  std::optional<Answer> turn_away(Protocol protocol, const Incoming& incoming);
  /// `held` is null unless an earlier call gave it back.
  Answer answer(Protocol protocol, const Incoming& incoming, const Held* held);
  /// Endpoints of OpenAI's API; `incoming.path` begins with /v1/ or goes without it.
  Answer answer_openai(const Incoming& incoming);
  /// How the model answers this time.
  std::variant<Behaviour, Failure> pick(std::string_view model, std::string_view operation);

  /// POST to /sim/…: the error, if any.
  std::optional<std::string> control(std::string_view path, std::string_view body);
  bool down() const { return down_.has_value(); }
  void forget();

  ModelTable& models() { return models_; }
  JobTable& jobs() { return runpod_.jobs(); }

 private:
  Answer answer_chat(Endpoint endpoint, const Incoming& incoming);
  Answer answer_embeddings(const Incoming& incoming);
  Answer answer_responses(std::string_view path, const Incoming& incoming);
  Answer answer_anthropic(const Incoming& incoming);
  Answer answer_gemini(const Incoming& incoming);
  std::variant<Behaviour, std::string> changed(std::string_view parameters) const;

  const Options& options_;
  ModelTable models_;
  ResponseStore responses_;
  RunPod runpod_;
  std::optional<Behaviour> down_;                         // of every model
  std::map<std::string, Behaviour, std::less<>> by_key_;  // of requests with this key
};

}  // namespace headgate::sim
