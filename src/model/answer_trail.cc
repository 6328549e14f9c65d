#include "model/answer_trail.h"

#include <algorithm>
#include <utility>

namespace headgate::model {
namespace {

using Type = ChatEvent::Type;
constexpr std::uint32_t kMaxChoices = 128;

ChatEvent event_of(Type type, std::uint32_t choice, std::uint32_t index, std::string text) {
  ChatEvent event;
  event.type = type;
  event.choice = choice;
  event.index = index;
  event.text = std::move(text);
  return event;
}

}  // namespace

void AnswerTrail::start(std::string_view id, std::string_view name) {
  if (!started_) {
    started_ = true;
    id_ = id;
    model_ = name;
  }
}

void AnswerTrail::note(const ChatEvent& event) {
  switch (event.type) {
    case Type::Start:
      start(event.id, event.name);
      break;
    case Type::Text:
    case Type::Reasoning:
    case Type::Refusal:
    case Type::ToolArguments:
      note(event.choice, event.type, event.text, event.index);
      break;
    case Type::ToolCall:
      note_call(event.choice, event.index, event.id, event.name);
      break;
    case Type::Image:
      kept_ = kMaxKept + 1;  // too large to be compared: not gone on with
      break;
    case Type::Finish:
      note_finish(event.choice, event.finish);
      break;
    case Type::Logprobs:
    case Type::Usage:
      break;
  }
}

void AnswerTrail::note(std::uint32_t choice, Type type, std::string_view text,
                       std::uint32_t index) {
  if (text.empty()) {
    return;
  }
  said_ += text.size();
  kept_ += text.size();
  const Type kind = type == Type::ToolArguments ? Type::ToolCall : type;
  if (Run* run = run_of(choice, kind, index)) {
    run->text.append(text);
  }
}

void AnswerTrail::note_call(std::uint32_t choice, std::uint32_t index, std::string_view id,
                            std::string_view name) {
  ++kept_;
  if (Run* run = run_of(choice, Type::ToolCall, index)) {
    run->id = id;
    run->name = name;
  }
}

void AnswerTrail::note_finish(std::uint32_t choice, Finish reason) {
  if (choice < kMaxChoices) {
    finishes_.resize(std::max<std::size_t>(finishes_.size(), choice + 1), Finish::None);
    finishes_[choice] = reason;
  }
}

bool AnswerTrail::all_finished() const {
  for (std::size_t choice = 0; choice < choices_.size(); ++choice) {
    const bool at_end = choice < finishes_.size() && finishes_[choice] != Finish::None;
    if (!choices_[choice].empty() && !at_end) {
      return false;
    }
  }
  return true;
}

AnswerTrail::Run* AnswerTrail::run_of(std::uint32_t choice, Type type, std::uint32_t index) {
  if (choice >= kMaxChoices) {
    kept_ = kMaxKept + 1;
  }
  if (!complete()) {
    return nullptr;
  }
  if (choices_.size() <= choice) {
    choices_.resize(choice + 1);
  }
  std::vector<Run>& runs = choices_[choice];
  if (runs.empty() || runs.back().type != type || runs.back().index != index) {
    kept_ += sizeof(Run);
    runs.push_back({.type = type, .index = index, .text = {}, .id = {}, .name = {}});
  }
  return &runs.back();
}

const std::string* AnswerTrail::only_text() const {
  const bool plain =
      choices_.size() == 1 && choices_[0].size() == 1 && choices_[0][0].type == Type::Text;
  const bool at_end = !finishes_.empty() && finishes_[0] != Finish::None;
  return plain && !at_end && complete() ? &choices_[0][0].text : nullptr;
}

std::vector<ChatEvent> AnswerTrail::events() const {
  std::vector<ChatEvent> events;
  ChatEvent first;
  first.type = Type::Start;
  first.id = id_;
  first.name = model_;
  events.push_back(std::move(first));
  for (std::uint32_t choice = 0; choice < choices_.size(); ++choice) {
    for (const Run& run : choices_[choice]) {
      if (run.type != Type::ToolCall) {
        events.push_back(event_of(run.type, choice, 0, run.text));
        continue;
      }
      ChatEvent call = event_of(Type::ToolCall, choice, run.index, {});
      call.id = run.id;
      call.name = run.name;
      events.push_back(std::move(call));
      if (!run.text.empty()) {
        events.push_back(event_of(Type::ToolArguments, choice, run.index, run.text));
      }
    }
  }
  for (std::uint32_t choice = 0; choice < finishes_.size(); ++choice) {
    if (finishes_[choice] != Finish::None) {
      events.push_back(event_of(Type::Finish, choice, 0, {}));
      events.back().finish = finishes_[choice];
    }
  }
  return events;
}

bool AnswerResumption::filter(std::vector<ChatEvent>& events) {
  std::vector<ChatEvent> kept;
  kept.reserve(events.size());
  for (ChatEvent& event : events) {
    switch (check(event)) {
      case Verdict::Keep:
        kept.push_back(std::move(event));
        break;
      case Verdict::Drop:
        break;
      case Verdict::Differs:
        return false;
    }
  }
  events = std::move(kept);
  return true;
}

bool AnswerResumption::caught_up() const {
  for (std::size_t choice = 0; choice < places_.size(); ++choice) {
    if (!is_whole(places_[choice], trail_.choices()[choice])) {
      return false;
    }
  }
  return true;
}

bool AnswerResumption::is_whole(const Place& place, const std::vector<AnswerTrail::Run>& runs) {
  switch (place.at) {
    case Place::At::Begin:
      return runs.empty();
    case Place::At::Inside:
      return place.run + 1 == runs.size() && place.offset == runs.back().text.size();
    case Place::At::Past:
      return true;
  }
  return true;
}

AnswerResumption::Verdict AnswerResumption::check(ChatEvent& event) {
  if (event.type == Type::Start) {
    return Verdict::Drop;
  }
  if (event.type == Type::Usage || event.choice >= places_.size()) {
    return Verdict::Keep;
  }
  Place& place = places_[event.choice];
  const auto& runs = trail_.choices()[event.choice];
  if (place.at == Place::At::Past) {
    return Verdict::Keep;
  }
  if (event.type == Type::Logprobs) {
    return Verdict::Drop;  // of a token that the client has, or has half of
  }
  if (event.type == Type::Finish) {
    return is_whole(place, runs) ? Verdict::Keep : Verdict::Differs;
  }
  const bool empty = event.type != Type::ToolCall && event.text.empty();
  return empty ? Verdict::Keep : check_delta(place, runs, event);
}

AnswerResumption::Verdict AnswerResumption::check_delta(Place& place,
                                                        const std::vector<AnswerTrail::Run>& runs,
                                                        ChatEvent& event) {
  const Type kind = event.type == Type::ToolArguments ? Type::ToolCall : event.type;
  const auto fits = [&](const AnswerTrail::Run& run) {
    return run.type == kind && run.index == event.index;
  };
  if (place.at == Place::At::Begin || !fits(runs[place.run])) {
    if (place.at == Place::At::Inside && place.offset < runs[place.run].text.size()) {
      return Verdict::Differs;
    }
    const std::size_t next = place.at == Place::At::Begin ? 0 : place.run + 1;
    if (next == runs.size()) {
      place.at = Place::At::Past;
      return Verdict::Keep;
    }
    // The ids of calls are drawn anew each time.
    if (!fits(runs[next]) || (event.type == Type::ToolCall && event.name != runs[next].name)) {
      return Verdict::Differs;
    }
    place = {.at = Place::At::Inside, .run = next, .offset = 0};
  }
  if (event.type == Type::ToolCall) {
    return Verdict::Drop;
  }
  const std::string_view left = std::string_view(runs[place.run].text).substr(place.offset);
  const std::size_t size = std::min(left.size(), event.text.size());
  if (left.substr(0, size) != std::string_view(event.text).substr(0, size)) {
    return Verdict::Differs;
  }
  place.offset += size;
  event.text.erase(0, size);
  if (event.text.empty()) {
    return Verdict::Drop;
  }
  return place.run + 1 == runs.size() ? Verdict::Keep : Verdict::Differs;
}

}  // namespace headgate::model
