#include "sim/saying.h"

#include <algorithm>
#include <array>

#include "sim/json.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kEchoPiece = 1024;
constexpr std::size_t kTokenBytes = 4;

/// Which word comes at place `i`: in turn, or by the dice that `seed` throws.
std::size_t word_at(const Behaviour& behaviour, std::uint64_t seed, std::size_t i) {
  if (!behaviour.vary) {
    return i;
  }
  std::uint64_t dice = seed + (i + 1) * 0x9e3779b97f4a7c15ULL;
  dice = (dice ^ (dice >> 30)) * 0xbf58476d1ce4e5b9ULL;
  dice = (dice ^ (dice >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<std::size_t>(dice ^ (dice >> 31));
}

std::vector<std::string> words(const Behaviour& behaviour, std::uint64_t seed) {
  static constexpr std::array<std::string_view, 12> kWords = {
      "the",  " gate", " stands", " between", " those",  " who",
      " ask", " and",  " those",  " that",    " answer", ","};
  std::size_t count = behaviour.token_count();
  std::vector<std::string> pieces;
  pieces.reserve(count);
  if (behaviour.answer_bytes == 0) {
    for (std::size_t i = 0; i < count; ++i) {
      pieces.emplace_back(kWords[word_at(behaviour, seed, i) % kWords.size()]);
    }
    return pieces;
  }
  std::string text;
  for (std::size_t i = 0; text.size() < behaviour.answer_bytes; ++i) {
    text += kWords[word_at(behaviour, seed, i) % kWords.size()];
  }
  text.resize(behaviour.answer_bytes);
  std::size_t total = std::max<std::size_t>(1, count);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t begin = text.size() * i / total;
    pieces.push_back(text.substr(begin, text.size() * (i + 1) / total - begin));
  }
  return pieces;
}

/// A short text for places where one word is wanted.
std::string one_word(const Behaviour& behaviour, std::uint64_t seed) {
  return behaviour.vary ? "sim-" + hex_of(seed).substr(0, 6) : "sim";
}

std::string example(const std::string& schema, std::string_view word) {
  auto parsed = parse_object(schema);
  return parsed ? example_of(*parsed, word) : "{}";
}

void drop_prefix(std::vector<std::string>& pieces, const std::string& prefix) {
  if (prefix.empty() || !joined(pieces).starts_with(prefix)) {
    return;
  }
  std::size_t left = prefix.size();
  auto first = pieces.begin();
  while (first != pieces.end() && first->size() <= left) {
    left -= first->size();
    ++first;
  }
  pieces.erase(pieces.begin(), first);
  if (left > 0 && !pieces.empty()) {
    pieces.front().erase(0, left);
  }
}

void stop_at(Saying& saying, const std::vector<std::string>& sequences) {
  std::string text = saying.text();
  std::size_t end = std::string::npos;
  for (const std::string& sequence : sequences) {
    std::size_t here = sequence.empty() ? std::string::npos : text.find(sequence);
    if (here < end) {
      end = here;
      saying.stop = Stop::Sequence;
      saying.stop_sequence = sequence;
    }
  }
  for (std::size_t i = 0; i < saying.pieces.size() && end != std::string::npos; ++i) {
    if (saying.pieces[i].size() > end) {
      saying.pieces[i].resize(end);
      saying.pieces.resize(end == 0 ? i : i + 1);
      return;
    }
    end -= saying.pieces[i].size();
  }
}

void call_tools(Saying& saying, const Behaviour& behaviour, const Demand& demand) {
  std::size_t count = std::max<std::size_t>(behaviour.calls, demand.must_call ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    const Tool& tool = demand.tools[i % demand.tools.size()];
    saying.calls.push_back(
        {.id = hex_of(hash_text(demand.seed + i, tool.name)),
         .name = tool.name,
         .arguments = example(tool.schema.empty() ? "{\"type\":\"object\"}" : tool.schema,
                              one_word(behaviour, demand.seed))});
  }
  saying.stop = Stop::Calls;
}

}  // namespace

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    text += piece;
  }
  return text;
}

std::vector<std::string> cut_text(std::string_view text, std::size_t size) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    std::size_t end = std::min(size, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      ++end;
    }
    pieces.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return pieces;
}

std::string Saying::text() const { return joined(pieces); }

std::string Saying::thought() const { return joined(thoughts); }

std::size_t Saying::tokens() const {
  std::size_t count = thoughts.size() + pieces.size();
  for (const ToolCall& call : calls) {
    count += 1 + call.arguments.size() / kTokenBytes;
  }
  return count;
}

Saying say(const Behaviour& behaviour, const Demand& demand, std::size_t choice) {
  Saying saying;
  saying.id = "sim";
  if (behaviour.vary) {
    saying.id = hex_of(demand.seed);
  }
  if (!behaviour.id.empty()) {
    saying.id = behaviour.id;
  }
  std::uint64_t seed = demand.seed + choice;
  for (std::size_t i = 0; i < behaviour.reasoning; ++i) {
    saying.thoughts.emplace_back(i % 2 == 0 ? "let me" : " think,");
  }
  if (behaviour.refusal) {
    saying.pieces = {"I", " cannot", " help", " with", " that."};
    saying.stop = Stop::Refused;
    return saying;
  }
  bool plain = behaviour.content == Content::Words;
  bool may_call = !demand.tools.empty() && (behaviour.calls > 0 || demand.must_call);
  if (plain && may_call && !demand.after_tools) {
    call_tools(saying, behaviour, demand);
    return saying;
  }
  if (!plain) {
    saying.pieces =
        cut_text(behaviour.content == Content::RequestBody ? demand.echo_body : demand.echo_fields,
                 kEchoPiece);
    return saying;
  }
  saying.pieces = demand.schema
                      ? cut_text(example(*demand.schema, one_word(behaviour, seed)), kTokenBytes)
                      : words(behaviour, seed);
  drop_prefix(saying.pieces, demand.prefix);
  stop_at(saying, demand.stop);
  if (demand.max_tokens < saying.pieces.size()) {
    saying.pieces.resize(demand.max_tokens);
    saying.stop = Stop::Length;
    saying.stop_sequence.clear();
  }
  return saying;
}

}  // namespace headgate::sim
