#include "documents/understand_phrase.h"

#include <algorithm>
#include <string>

#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

struct Phrase {
  std::string key;
  bool exact = false;
  std::size_t tolerance = 0;
};

std::vector<Phrase> compile(std::string_view phrases) {
  std::vector<Phrase> compiled;
  for (std::string_view part : split(phrases, '|')) {
    Phrase phrase;
    phrase.exact = part.starts_with('=');
    phrase.key = fold(part);
    const std::size_t size = phrase.key.size();
    phrase.tolerance = phrase.exact || size < 6 ? 0 : size < 12 ? 1 : size < 20 ? 2 : size / 8;
    if (size > 0) {
      compiled.push_back(std::move(phrase));
    }
  }
  return compiled;
}

// Tokens from `at` on, joined without spaces, compared with the phrase; 0 if they differ, else the
// end of the match.
std::uint32_t match_end(const PageView& page, std::uint32_t at, const Phrase& phrase,
                        std::size_t& edits) {
  const Token& first = page.tokens[at];
  if (first.key.empty() || (phrase.tolerance == 0 && first.key[0] != phrase.key[0])) {
    return 0;
  }
  // Cheap refusal before any copying: the first word must begin like the phrase.
  const std::size_t common = std::min(first.key.size(), phrase.key.size());
  if (first.key.size() > phrase.key.size() + phrase.tolerance) {
    return 0;
  }
  std::size_t same = 0;
  for (std::size_t i = 0; i < common; ++i) {
    same += first.key[i] == phrase.key[i] ? 1 : 0;
  }
  if (same == 0 && common > 1) {
    return 0;
  }
  std::string joined;
  std::uint32_t end = at;
  const std::uint32_t row_end = page.rows[first.row].tokens.last;
  std::uint32_t best = 0;
  std::size_t best_distance = phrase.tolerance + 1;
  while (end < row_end && joined.size() < phrase.key.size() + phrase.tolerance) {
    joined.append(page.tokens[end].key);
    ++end;
    if (joined.size() + phrase.tolerance < phrase.key.size()) {
      continue;
    }
    const std::size_t distance =
        joined == phrase.key ? 0 : edit_distance(joined, phrase.key, phrase.tolerance);
    if (distance < best_distance && distance <= phrase.tolerance) {
      best_distance = distance;
      best = end;
    }
  }
  edits = best_distance;
  return best;
}

std::optional<PhraseHit> match_at(const PageView& page, std::uint32_t at,
                                  const std::vector<Phrase>& phrases) {
  std::optional<PhraseHit> hit;
  for (const Phrase& phrase : phrases) {
    std::size_t edits = 0;
    const std::uint32_t end = match_end(page, at, phrase, edits);
    if (end > at &&
        (!hit || end > hit->tokens.last || (end == hit->tokens.last && edits < hit->edits))) {
      hit = PhraseHit{{at, end}, page.tokens[at].box, edits};
    }
  }
  if (hit) {
    for (std::uint32_t i = hit->tokens.first; i < hit->tokens.last; ++i) {
      hit->box = join(hit->box, page.tokens[i].box);
    }
  }
  return hit;
}

}  // namespace

std::vector<PhraseHit> find_phrase(const PageView& page, std::string_view phrases) {
  const std::vector<Phrase> compiled = compile(phrases);
  std::vector<PhraseHit> hits;
  for (std::uint32_t at = 0; at < page.tokens.size();) {
    if (auto hit = match_at(page, at, compiled)) {
      // "c Employer's name" is misread from "c" on, but exact one word later.
      if (!hit->exact() && at + 1 < page.tokens.size()) {
        const auto later = match_at(page, at + 1, compiled);
        if (later && later->edits < hit->edits && later->tokens.last >= hit->tokens.last) {
          hit = later;
        }
      }
      at = hit->tokens.last;
      hits.push_back(*hit);
    } else {
      ++at;
    }
  }
  return hits;
}

bool has_phrase(const PageView& page, std::string_view phrases) {
  return has_phrase(page, {0, static_cast<std::uint32_t>(page.tokens.size())}, phrases);
}

bool has_phrase(const PageView& page, Range tokens, std::string_view phrases) {
  const std::vector<Phrase> compiled = compile(phrases);
  for (std::uint32_t at = tokens.first; at < tokens.last; ++at) {
    if (match_at(page, at, compiled)) {
      return true;
    }
  }
  return false;
}

}  // namespace headgate::documents
