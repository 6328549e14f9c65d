#include "model/answer_trail.h"

#include <gtest/gtest.h>

namespace headgate::model {
namespace {

using Type = ChatEvent::Type;

ChatEvent delta(std::string text, Type type = Type::Text, std::uint32_t choice = 0,
                std::uint32_t index = 0) {
  ChatEvent event;
  event.type = type;
  event.choice = choice;
  event.index = index;
  event.text = std::move(text);
  return event;
}

ChatEvent call(std::uint32_t index, std::string id, std::string name) {
  ChatEvent event;
  event.type = Type::ToolCall;
  event.index = index;
  event.id = std::move(id);
  event.name = std::move(name);
  return event;
}

ChatEvent plain(Type type) {
  ChatEvent event;
  event.type = type;
  return event;
}

AnswerTrail trail_of(const std::vector<ChatEvent>& events) {
  AnswerTrail trail;
  for (const ChatEvent& event : events) {
    trail.note(event);
  }
  return trail;
}

/// What the client gets of a second answer behind the first: its texts, or "differs".
std::string rest(const AnswerTrail& trail, std::vector<ChatEvent> second) {
  AnswerResumption resumption(trail);
  std::string text;
  for (ChatEvent& event : second) {
    std::vector<ChatEvent> one{event};
    if (!resumption.filter(one)) {
      return text + "differs";
    }
    for (const ChatEvent& kept : one) {
      text += kept.type == Type::Finish ? "." : kept.type == Type::ToolCall ? kept.name : kept.text;
    }
  }
  return text;
}

TEST(AnswerTrail, KnowsTheTextOfAPlainAnswer) {
  const AnswerTrail trail = trail_of({delta("Hel"), delta("lo")});
  ASSERT_NE(trail.only_text(), nullptr);
  EXPECT_EQ(*trail.only_text(), "Hello");
  EXPECT_TRUE(trail.has_tokens());
}

TEST(AnswerTrail, HasNoOnlyTextBesideReasoningOrCalls) {
  EXPECT_EQ(trail_of({delta("x", Type::Reasoning), delta("Hello")}).only_text(), nullptr);
  EXPECT_EQ(trail_of({delta("Hello"), call(0, "a", "f")}).only_text(), nullptr);
  EXPECT_EQ(trail_of({delta("a"), delta("b", Type::Text, 1)}).only_text(), nullptr);
}

TEST(AnswerTrail, KeepsNoMoreThanItsBound) {
  AnswerTrail trail;
  const std::string piece(64 << 10, 'x');
  for (int i = 0; i < 40; ++i) {
    trail.note(0, Type::Text, piece);
  }
  EXPECT_FALSE(trail.complete());
  EXPECT_EQ(trail.only_text(), nullptr);
  EXPECT_LE(trail.choices()[0][0].text.size(), AnswerTrail::kMaxKept + piece.size());
}

TEST(AnswerTrail, RepeatsTheEventsThatLedToIt) {
  const AnswerTrail trail = trail_of({delta("think", Type::Reasoning), delta("text"),
                                      call(0, "id", "f"), delta("{}", Type::ToolArguments)});
  const AnswerTrail again = trail_of(trail.events());
  ASSERT_EQ(again.choices()[0].size(), 3U);
  EXPECT_EQ(again.choices()[0][2].name, "f");
  EXPECT_EQ(again.choices()[0][2].text, "{}");
}

TEST(AnswerTrail, AnAnswerAtItsEndIsNotGoneOnWith) {
  AnswerTrail trail = trail_of({delta("Hello")});
  EXPECT_EQ(trail.events().back().type, Type::Text);
  trail.note_finish(0, Finish::Length);
  EXPECT_EQ(trail.only_text(), nullptr);
  ASSERT_EQ(trail.events().back().type, Type::Finish);
  EXPECT_EQ(trail.events().back().finish, Finish::Length);
  EXPECT_EQ(trail_of(trail.events()).only_text(), nullptr);
}

TEST(AnswerResumption, LeavesOutWhatIsThereHoweverItIsCut) {
  const AnswerTrail trail = trail_of({delta("Hello, "), delta("wor")});
  const std::string whole = "Hello, world!";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(rest(trail, {plain(Type::Start), delta(whole.substr(0, cut)),
                           delta(whole.substr(cut)), plain(Type::Finish)}),
              "ld!.")
        << cut;
  }
}

TEST(AnswerResumption, RefusesAnotherAnswer) {
  const AnswerTrail trail = trail_of({delta("Hello")});
  EXPECT_EQ(rest(trail, {delta("Hel"), delta("p!")}), "differs");
  EXPECT_EQ(rest(trail, {delta("Hello", Type::Reasoning)}), "differs");
  EXPECT_EQ(rest(trail, {delta("Hell"), plain(Type::Finish)}), "differs") << "it ends too early";
  EXPECT_EQ(rest(trail, {call(0, "x", "f")}), "differs");
}

TEST(AnswerResumption, GoesOnBehindRunsOfSeveralSorts) {
  const AnswerTrail trail = trail_of({delta("hm", Type::Reasoning), delta("Yes")});
  EXPECT_EQ(rest(trail,
                 {delta("hm", Type::Reasoning), delta("Yes, "), delta("so."), plain(Type::Finish)}),
            ", so..");
  EXPECT_EQ(rest(trail, {delta("hmm", Type::Reasoning)}), "differs");
}

TEST(AnswerResumption, TakesCallsOfTheSameToolForTheSame) {
  const AnswerTrail trail =
      trail_of({call(0, "id-1", "weather"), delta("{\"city\":", Type::ToolArguments)});
  EXPECT_EQ(
      rest(trail, {call(0, "id-2", "weather"), delta("{\"city\":\"Oslo\"}", Type::ToolArguments),
                   call(1, "id-3", "time"), plain(Type::Finish)}),
      "\"Oslo\"}time.");
  EXPECT_EQ(rest(trail, {call(0, "id-2", "time")}), "differs");
}

TEST(AnswerResumption, FollowsEachChoiceAlone) {
  const AnswerTrail trail = trail_of({delta("aa"), delta("b", Type::Text, 1)});
  AnswerResumption resumption(trail);
  std::vector<ChatEvent> events{delta("bB", Type::Text, 1), delta("aaA"),
                                delta("c", Type::Text, 2)};
  ASSERT_TRUE(resumption.filter(events));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].text, "B");
  EXPECT_EQ(events[1].text, "A");
  EXPECT_EQ(events[2].text, "c");
}

TEST(AnswerResumption, SaysWhenAllHasComeAgain) {
  const AnswerTrail trail = trail_of({delta("ab")});
  AnswerResumption resumption(trail);
  std::vector<ChatEvent> events{delta("a")};
  ASSERT_TRUE(resumption.filter(events));
  EXPECT_FALSE(resumption.caught_up());
  events = {delta("b")};
  ASSERT_TRUE(resumption.filter(events));
  EXPECT_TRUE(resumption.caught_up());
}

}  // namespace
}  // namespace headgate::model
