#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/chat_answer.h"

namespace headgate::model {

/// What of a streamed answer the client has, so that another attempt can go on from there.
class AnswerTrail final {
 public:
  /// Text and the like that are kept; an answer beyond that cannot be gone on with.
  static constexpr std::size_t kMaxKept = 1U << 20U;

  /// Deltas of one sort in a row, of one choice.
  struct Run {
    ChatEvent::Type type = ChatEvent::Type::Text;  ///< Text, Reasoning, Refusal or ToolCall
    std::uint32_t index = 0;                       ///< of a ToolCall
    std::string text;                              ///< of a ToolCall its arguments
    std::string id;                                ///< of a ToolCall
    std::string name;                              ///< of a ToolCall
  };

  void start(std::string_view id, std::string_view name);
  /// Events that are no deltas are passed over.
  void note(const ChatEvent& event);
  void note(std::uint32_t choice, ChatEvent::Type type, std::string_view text,
            std::uint32_t index = 0);
  void note_call(std::uint32_t choice, std::uint32_t index, std::string_view id,
                 std::string_view name);
  /// The client has been told that a choice is at its end.
  void note_finish(std::uint32_t choice, Finish reason);

  /// Every choice that said something is at its end, as far as they are kept track of.
  bool all_finished() const;

  bool started() const { return started_; }
  /// The model has said something.
  bool has_tokens() const { return kept_ != 0; }
  /// All of it is here.
  bool complete() const { return kept_ <= kMaxKept; }
  /// Bytes of all texts, reasonings and arguments, also of those that were not kept.
  std::uint64_t said() const { return said_; }
  const std::string& id() const { return id_; }
  const std::string& model() const { return model_; }
  const std::vector<std::vector<Run>>& choices() const { return choices_; }
  /// The text so far if the answer is one choice of nothing else and not at its end; nullptr
  /// otherwise.
  const std::string* only_text() const;
  /// The events that lead here.
  std::vector<ChatEvent> events() const;

 private:
  Run* run_of(std::uint32_t choice, ChatEvent::Type type, std::uint32_t index);

  bool started_ = false;
  std::string id_;
  std::string model_;
  std::uint64_t said_ = 0;
  std::size_t kept_ = 0;  // bytes and calls; beyond kMaxKept nothing more is kept
  std::vector<std::vector<Run>> choices_;
  std::vector<Finish> finishes_;  // of each choice; None: not at its end
};

/// Leaves out of a second attempt's events what the client has of the first.
class AnswerResumption final {
 public:
  /// Borrows `trail`, which does not change meanwhile.
  explicit AnswerResumption(const AnswerTrail& trail) : trail_(trail) {
    places_.resize(trail.choices().size());
  }
  /// Keeps what is new of `events`. False: the answer is another one.
  bool filter(std::vector<ChatEvent>& events);
  /// Whether all that the client has has come again.
  bool caught_up() const;

 private:
  /// How far the second answer has come in the first.
  struct Place {
    enum class At : std::uint8_t { Begin, Inside, Past };
    At at = At::Begin;
    std::size_t run = 0;
    std::size_t offset = 0;
  };
  enum class Verdict : std::uint8_t { Keep, Drop, Differs };
  Verdict check(ChatEvent& event);
  static Verdict check_delta(Place& place, const std::vector<AnswerTrail::Run>& runs,
                             ChatEvent& event);
  static bool is_whole(const Place& place, const std::vector<AnswerTrail::Run>& runs);

  const AnswerTrail& trail_;
  std::vector<Place> places_;
};

}  // namespace headgate::model
