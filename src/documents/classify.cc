// Evidence is gathered page by page. Each rule that a page fulfils adds its weight to its type; the
// page whose best type leads by most decides, so that a cover sheet or an instruction page before
// the form does not blur the answer.
#include "documents/classify.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "documents/amounts.h"
#include "documents/classify_rules.h"
#include "documents/dates.h"
#include "documents/understand_phrase.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxPagesRead = 8;
constexpr std::size_t kMinWords = 4;  // fewer: a blank page
constexpr float kThreshold = 4.5F;    // less evidence than this is no type

struct Evidence {
  float weight = 0;
  std::string_view name;
};

struct PageScore {
  std::array<float, kDocumentTypes> scores{};
  std::array<std::vector<Evidence>, kDocumentTypes> evidence;
  std::uint32_t page = 1;

  void add(DocumentType type, float weight, std::string_view name) {
    scores[static_cast<std::size_t>(type)] += weight;
    if (weight > 0) {
      evidence[static_cast<std::size_t>(type)].push_back({weight, name});
    }
  }
  float of(DocumentType type) const { return scores[static_cast<std::size_t>(type)]; }
};

// How much a hit at this place counts: titles are large or stand at the top or in a corner, and do
// not lie inside a sentence.
float place_factor(const PageView& page, const PhraseHit& hit, Place place) {
  if (place == Place::Anywhere) {
    return 1;
  }
  const Token& first = page.tokens[hit.tokens.first];
  const Cell& cell = page.cells[first.cell];
  const std::uint32_t cell_words = cell.tokens.last - cell.tokens.first;
  const std::uint32_t hit_words = hit.tokens.last - hit.tokens.first;
  const bool large = hit.box.height() > 1.35F * page.em;
  const bool sentence = cell_words > hit_words + (large ? 8 : 4);
  const float y = hit.box.middle_y() / page.height;
  if (place == Place::Edges) {
    const bool edge = y < 0.2F || y > 0.85F || large;
    return sentence ? 0.2F : edge ? 1.0F : 0.6F;
  }
  // The page may hold a small document in its upper part.
  if (sentence) {
    return 0.2F;
  }
  return y < 0.33F || large ? 1.0F : y < 0.5F ? 0.6F : 0.25F;
}

void apply_rules(const PageView& page, PageScore& score) {
  for (const Rule& rule : classification_rules()) {
    float best = 0;
    for (const PhraseHit& hit : find_phrase(page, rule.phrases)) {
      best = std::max(best, place_factor(page, hit, rule.place) * (hit.exact() ? 1.0F : 0.9F));
    }
    if (best > 0) {
      score.add(rule.type, best * rule.weight, rule.name);
    }
  }
}

struct Shape {
  std::size_t words = 0;
  std::size_t money = 0;       // amounts with cents
  std::size_t dated_rows = 0;  // rows that begin with a date and end with an amount
  bool narrow = false;         // a till roll
  bool strip = false;          // wide and short, like a check
};

Shape shape_of(const PageView& page) {
  Shape shape;
  model::Box ink = page.tokens.front().box;
  for (const Token& token : page.tokens) {
    shape.words += token.key.empty() ? 0 : 1;
    ink = join(ink, token.box);
  }
  for (const Row& row : page.rows) {
    const auto amounts = find_amounts(page, row.tokens, DecimalMark::Unknown);
    const bool cents =
        std::ranges::any_of(amounts, [](const FoundAmount& a) { return a.amount.has_cents; });
    shape.money += cents ? 1 : 0;
    const Range head{row.tokens.first, std::min(row.tokens.last, row.tokens.first + 3)};
    const auto dates = find_dates(page.text(head), DayOrder::Unknown, Partial::Yes);
    shape.dated_rows += cents && !dates.empty() && dates[0].begin < 6 ? 1 : 0;
  }
  shape.narrow = page.height > 1.55F * page.width ||
                 (ink.height() > 1.3F * ink.width() && ink.width() < 0.6F * page.width);
  shape.strip = page.width > 1.8F * page.height;
  return shape;
}

// Digits of a MICR line: long runs of digits and separators in the lowest part.
bool has_micr(const PageView& page) {
  for (const Row& row : page.rows) {
    if (row.box.middle_y() < 0.6F * page.height || row.tokens.last - row.tokens.first > 6) {
      continue;
    }
    const std::string text = page.text(row);
    if (count_digits(text) >= 14 && count_digits(text) * 2 > count_letters(text) * 3 &&
        parse_amount(text) == std::nullopt && !text.contains('.') && !text.contains('/')) {
      return true;
    }
  }
  return false;
}

void apply_shape(const PageView& page, PageScore& score) {
  const Shape shape = shape_of(page);
  using enum DocumentType;
  if (shape.narrow && shape.money >= 3 && shape.words < 350) {
    score.add(Receipt, 4.5F, "the narrow shape of a till receipt");
  }
  if (shape.strip && shape.words < 150) {
    score.add(Check, shape.words > 3 ? 3.0F : 1.5F, "the shape of a check");
    if (has_phrase(page, "=bank|=bank of|credit union|=date")) {
      score.add(Check, 2, "a bank or a date line");
    }
  }
  if (has_micr(page)) {
    score.add(Check, 3.5F, "a MICR line");
  }
  if (shape.dated_rows >= 3) {
    score.add(BankStatement, 2.5F, "rows of dated transactions");
    score.add(CreditCardStatement, 2.0F, "rows of dated transactions");
  }
  if (shape.money == 0) {
    score.add(Receipt, -4, "");
    score.add(Invoice, -1.5F, "");
  }
  // Pages of running text mention many things.
  if (shape.words > 700 && shape.money < 8) {
    for (const DocumentType type : {BankStatement, CreditCardStatement, Invoice, Receipt, Check}) {
      score.add(type, -3, "");
    }
  }
}

// Evidence for one type that speaks against its neighbours.
void settle(PageScore& score) {
  using enum DocumentType;
  // A card statement has all a bank statement has; only a card statement has a limit.
  const float card = score.of(CreditCardStatement);
  if (card >= 6) {
    score.add(BankStatement, -0.6F * card, "");
  } else {
    score.add(CreditCardStatement, -0.5F * score.of(BankStatement), "");
  }
  // A statement needs transactions or balances, an invoice needs more than amounts due.
  if (score.of(Receipt) > 6 && score.of(Invoice) > 0) {
    score.add(Invoice, -0.35F * score.of(Receipt), "");
  }
  if (score.of(Invoice) >= 9) {
    score.add(Receipt, -0.3F * score.of(Invoice), "");
    score.add(BankStatement, -2, "");
  }
}

struct Verdict {
  DocumentType type = DocumentType::Other;
  float score = 0;
  float lead = 0;
};

Verdict verdict_of(const PageScore& score) {
  Verdict verdict;
  float second = 0;
  for (std::size_t i = 0; i < kDocumentTypes; ++i) {
    const auto type = static_cast<DocumentType>(i);
    if (score.scores[i] > verdict.score) {
      second = verdict.score;
      verdict = {type, score.scores[i], 0};
    } else {
      second = std::max(second, score.scores[i]);
    }
  }
  verdict.lead = verdict.score - second;
  return verdict;
}

std::string explain(const PageScore& score, DocumentType type) {
  std::vector<Evidence> list = score.evidence[static_cast<std::size_t>(type)];
  std::ranges::sort(list, [](const Evidence& a, const Evidence& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.name < b.name;
  });
  std::string text;
  constexpr std::size_t kNamed = 4;
  for (std::size_t i = 0; i < list.size() && i < kNamed; ++i) {
    text += i == 0 ? "" : ", ";
    text += list[i].name;
  }
  return text + " on page " + std::to_string(score.page) + ".";
}

}  // namespace

Classification classify(std::span<const model::PageReading> pages) {
  const auto views = view_pages(pages.first(std::min(pages.size(), kMaxPagesRead)));
  const PageScore* best = nullptr;
  Verdict best_verdict;
  float best_weight = 0;
  std::vector<PageScore> scores;
  scores.reserve(views.size());
  bool other_title = false;
  for (const PageView& view : views) {
    if (view.tokens.size() < kMinWords) {
      continue;
    }
    PageScore& score = scores.emplace_back();
    score.page = view.number;
    apply_rules(view, score);
    apply_shape(view, score);
    settle(score);
    const Verdict verdict = verdict_of(score);
    // A foreign title on the first page outweighs a mention of one of our forms further on.
    if (verdict.type == DocumentType::Other && verdict.score >= 6 && scores.size() == 1) {
      other_title = true;
    }
    // Instruction pages name many other forms; only a first page has a title of its own.
    const float foreign = scores.size() == 1 ? 0.8F : 0.4F;
    const float weight =
        verdict.type == DocumentType::Other ? foreign * verdict.score : verdict.score;
    if (best == nullptr || weight > best_weight) {
      best = &score;
      best_verdict = verdict;
      best_weight = weight;
    }
  }
  if (best == nullptr) {
    return {DocumentType::Other, 0.3, "No readable text."};
  }
  if (other_title && best_verdict.type != DocumentType::Other && best_verdict.score < 12) {
    best = &scores.front();
    best_verdict = verdict_of(*best);
  }
  if (best_verdict.type == DocumentType::Other && best_verdict.score > 0) {
    const double sure = 0.6 + 0.35 * std::min(1.0, best_verdict.lead / 6.0);
    return {DocumentType::Other, sure, "Found " + explain(*best, DocumentType::Other)};
  }
  if (best_verdict.score < kThreshold) {
    const double sure = 0.85 - 0.35 * static_cast<double>(best_verdict.score / kThreshold);
    return {DocumentType::Other, std::clamp(sure, 0.0, 1.0),
            "No title, form number or wording of a known type."};
  }
  const double strength = 1 - std::exp(-static_cast<double>(best_verdict.score) / 5);
  const double clear = 1 - std::exp(-static_cast<double>(best_verdict.lead) / 2.5);
  return {best_verdict.type, std::clamp(0.3 + 0.69 * strength * clear, 0.0, 0.99),
          "Found " + explain(*best, best_verdict.type)};
}

}  // namespace headgate::documents
