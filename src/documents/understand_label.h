#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "documents/amounts.h"
#include "documents/dates.h"
#include "documents/understand_phrase.h"

namespace headgate::documents {

/// Where a value stands relative to its label, nearest first.
enum class Where : std::uint8_t { SameCell, Right, Below };

/// Tokens beside a label that may be its value.
struct Nearby {
  Range tokens;
  Where where = Where::SameCell;
};

/// The places a value of the label `hit` may stand: behind it in its cell, in the cells to its
/// right, and in the first rows below that overlap it.
std::vector<Nearby> near(const PageView& page, const PhraseHit& hit);

/// Whether the label at `hit` is to be passed over, e.g. "Total" in "Total tax".
using Refuse = std::function<bool(const PageView& page, const PhraseHit& hit)>;

/// An amount found by its label.
struct LabelledAmount {
  double value = 0;
  float confidence = 0;
  std::size_t page = 0;
  model::Box box;
  std::size_t rank = 0;  ///< of the label among the phrases given
};

/// All amounts that stand beside one of `phrases` (strongest first), in order of rank, then of
/// place.
std::vector<LabelledAmount> labelled_amounts(std::span<const PageView> pages, DecimalMark mark,
                                             std::span<const std::string_view> phrases,
                                             const Refuse& refuse = {});

struct LabelledDate {
  Date date;
  float confidence = 0;
};

/// The first date beside one of `phrases`, strongest phrase first.
std::optional<LabelledDate> labelled_date(std::span<const PageView> pages, DayOrder order,
                                          std::span<const std::string_view> phrases,
                                          const Refuse& refuse = {});

struct LabelledText {
  std::string text;
  float confidence = 0;
};

/// The first text beside one of `phrases` that `accept` turns into a value.
using Accept = std::function<std::optional<std::string>(std::string_view)>;
std::optional<LabelledText> labelled_text(std::span<const PageView> pages,
                                          std::span<const std::string_view> phrases,
                                          const Accept& accept, const Refuse& refuse = {});

/// Folded words before and behind a label on its row; empty if there are none.
std::string_view key_before(const PageView& page, const PhraseHit& hit);
std::string_view key_behind(const PageView& page, const PhraseHit& hit);

/// Mean confidence of a run of tokens.
float confidence_of(const PageView& page, Range tokens);

}  // namespace headgate::documents
