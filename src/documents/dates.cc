#include "documents/dates.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "documents/understand_phrase.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

struct Month {
  std::string_view name;  // folded; a word that begins with it (at least its own length) counts
  int number;
};

constexpr std::array<Month, 46> kMonths{{
    {"jan", 1},    {"gen", 1},    {"ene", 1},      {"feb", 2},    {"fev", 2},  {"mar", 3},
    {"mrz", 3},    {"maa", 3},    {"apr", 4},      {"avr", 4},    {"abr", 4},  {"may", 5},
    {"mai", 5},    {"mei", 5},    {"mag", 5},      {"jun", 6},    {"juin", 6}, {"giu", 6},
    {"jul", 7},    {"juil", 7},   {"lug", 7},      {"aug", 8},    {"aou", 8},  {"ago", 8},
    {"sep", 9},    {"set", 9},    {"oct", 10},     {"okt", 10},   {"ott", 10}, {"out", 10},
    {"nov", 11},   {"dec", 12},   {"dez", 12},     {"dic", 12},   {"sept", 9}, {"janv", 1},
    {"fevr", 2},   {"mars", 3},   {"mayo", 5},     {"maio", 5},   {"juni", 6}, {"juli", 7},
    {"giugno", 6}, {"luglio", 7}, {"augustus", 8}, {"agosto", 8},
}};

constexpr std::array<std::string_view, 70> kMonthWords{
    "january",   "february", "march",      "april",    "june",      "july",      "august",
    "september", "october",  "november",   "december", "januar",    "februar",   "marz",
    "juni",      "juli",     "oktober",    "dezember", "janvier",   "fevrier",   "mars",
    "avril",     "juin",     "juillet",    "aout",     "septembre", "octobre",   "novembre",
    "decembre",  "enero",    "febrero",    "marzo",    "abril",     "mayo",      "junio",
    "julio",     "agosto",   "septiembre", "octubre",  "noviembre", "diciembre", "gennaio",
    "febbraio",  "aprile",   "maggio",     "giugno",   "luglio",    "settembre", "ottobre",
    "dicembre",  "januari",  "februari",   "maart",    "mei",       "augustus",  "janeiro",
    "fevereiro", "marco",    "maio",       "junho",    "julho",     "setembro",  "outubro",
    "novembro",  "dezembro", "janv",       "juil",     "sept",      "fevr",      "avr"};

int month_of(std::string_view word) {
  const std::string key = fold(word);
  if (key.size() < 3) {
    return 0;
  }
  if (key.size() > 3 && !one_of(kMonthWords, key) &&
      std::ranges::none_of(kMonthWords, [&](std::string_view name) {
        return key.size() >= 6 && alike(key, name);
      })) {
    return 0;
  }
  int number = 0;
  std::size_t longest = 0;
  for (const Month& month : kMonths) {
    if (key.starts_with(month.name) && month.name.size() > longest) {
      number = month.number;
      longest = month.name.size();
    }
  }
  return number;
}

// A text is cut into numbers and words with what stands between them.
struct Piece {
  std::size_t begin = 0;
  std::size_t end = 0;
  int number = -1;  // -1: a word
  int month = 0;
};

bool is_word_byte(char c) { return is_letter(c) || (c & 0x80) != 0; }

std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < text.size();) {
    Piece piece{i, i, -1, 0};
    if (is_digit(text[i])) {
      long long number = 0;
      while (i < text.size() && is_digit(text[i])) {
        number = std::min(number * 10 + (text[i] - '0'), 999'999'999LL);
        ++i;
      }
      piece.number = static_cast<int>(number);
    } else if (is_word_byte(text[i])) {
      while (i < text.size() && is_word_byte(text[i])) {
        ++i;
      }
      piece.month = month_of(text.substr(piece.begin, i - piece.begin));
    } else {
      ++i;
      continue;
    }
    piece.end = i;
    pieces.push_back(piece);
  }
  return pieces;
}

std::size_t digits_in(const Piece& piece) { return piece.end - piece.begin; }

int full_year(const Piece& piece) {
  if (digits_in(piece) == 4) {
    return piece.number;
  }
  return digits_in(piece) == 2 ? piece.number + (piece.number < 70 ? 2000 : 1900) : -1;
}

class Finder {
 public:
  Finder(std::string_view text, DayOrder order, Partial partial)
      : text_(text), order_(order), partial_(partial), pieces_(pieces_of(text)) {}

  std::vector<FoundDate> run() {
    std::vector<FoundDate> found;
    for (std::size_t i = 0; i < pieces_.size();) {
      FoundDate date;
      if (const std::size_t used = at(i, date); used > 0) {
        date.begin = pieces_[i].begin;
        date.end = pieces_[i + used - 1].end;
        found.push_back(date);
        i += used;
      } else {
        ++i;
      }
    }
    return found;
  }

 private:
  // What separates piece i from the next: one of "-/. ," or letters like "th", at most 3 bytes.
  std::string_view gap(std::size_t i) const {
    return text_.substr(pieces_[i].end, pieces_[i + 1].begin - pieces_[i].end);
  }
  bool free_standing(std::size_t first, std::size_t last) const {
    const auto bad = [&](char c) { return is_digit(c) || is_letter(c) || c == '$'; };
    const std::size_t begin = pieces_[first].begin;
    const std::size_t end = pieces_[last].end;
    if (begin > 0 && bad(text_[begin - 1])) {
      return false;
    }
    if (begin > 1 &&
        (text_[begin - 1] == '.' || text_[begin - 1] == '/' || text_[begin - 1] == '-') &&
        is_digit(text_[begin - 2])) {
      return false;
    }
    if (end < text_.size() && is_digit(text_[end])) {
      return false;
    }
    return !(end + 1 < text_.size() &&
             (text_[end] == '/' || text_[end] == '-' || text_[end] == '.') &&
             is_digit(text_[end + 1]));
  }
  bool numeric(std::size_t i) const { return i < pieces_.size() && pieces_[i].number >= 0; }
  bool month(std::size_t i) const { return i < pieces_.size() && pieces_[i].month > 0; }

  static bool loose(std::string_view gap) {
    return gap.size() <= 3 && gap.find_first_not_of(" .,-/'") == std::string_view::npos;
  }
  // "-", "/", "." with optional spaces, or one space
  static char numeric_gap(std::string_view gap) {
    const std::string_view bare = trim(gap);
    if (gap.size() <= 3 && bare.size() == 1 && std::string_view("-/.~").contains(bare[0])) {
      return bare[0] == '~' ? '-' : bare[0];  // a misread dash
    }
    return gap == " " ? ' ' : '\0';
  }

  std::size_t at(std::size_t i, FoundDate& out) const {
    for (auto rule : {&Finder::compact, &Finder::three_numbers, &Finder::day_month_name,
                      &Finder::month_name_day, &Finder::two_numbers}) {
      if (const std::size_t used = (this->*rule)(i, out); used > 0) {
        return used;
      }
    }
    return 0;
  }

  std::size_t compact(std::size_t i, FoundDate& out) const {
    if (!numeric(i) || digits_in(pieces_[i]) != 8 || !free_standing(i, i)) {
      return 0;
    }
    const int n = pieces_[i].number;
    out.date = {n / 10000, n / 100 % 100, n % 100};
    return out.date.year >= 1950 && is_valid(out.date) ? 1 : 0;
  }

  std::size_t three_numbers(std::size_t i, FoundDate& out) const {
    if (!numeric(i) || !numeric(i + 1) || !numeric(i + 2) || !free_standing(i, i + 2)) {
      return 0;
    }
    const char first = numeric_gap(gap(i));
    const char second = numeric_gap(gap(i + 1));
    if (first == '\0' || first != second) {
      return 0;
    }
    const Piece& a = pieces_[i];
    const Piece& b = pieces_[i + 1];
    const Piece& c = pieces_[i + 2];
    if (digits_in(a) == 4) {
      out.date = {a.number, b.number, c.number};
      return digits_in(b) <= 2 && digits_in(c) <= 2 && first != ' ' && is_valid(out.date) ? 3 : 0;
    }
    const int year = full_year(c);
    if (year < 0 || digits_in(a) > 2 || digits_in(b) > 2 || (first == ' ' && digits_in(c) != 4)) {
      return 0;
    }
    const Date day_first{year, b.number, a.number};
    const Date month_first{year, a.number, b.number};
    const bool day_fits = is_valid(day_first);
    const bool month_fits = is_valid(month_first);
    if (!day_fits && !month_fits) {
      return 0;
    }
    out.ambiguous = day_fits && month_fits && a.number != b.number;
    const bool prefers_day =
        order_ == DayOrder::DayFirst || (order_ == DayOrder::Unknown && first == '.');
    out.date = day_fits && (!month_fits || prefers_day) ? day_first : month_first;
    return 3;
  }

  std::size_t day_month_name(std::size_t i, FoundDate& out) const {
    if (!numeric(i) || digits_in(pieces_[i]) > 2 || !free_standing(i, i)) {
      return 0;
    }
    std::size_t at = i + 1;
    if (at < pieces_.size() && pieces_[at].number < 0 && !month(at) &&
        pieces_[at].end - pieces_[at].begin <= 2) {
      ++at;  // "3rd March", "3 de marzo"
    }
    if (!month(at) || !loose(gap(at - 1)) || gap(i).size() > 3) {
      return 0;
    }
    out.date = {0, pieces_[at].month, pieces_[i].number};
    return with_year(i, at, out);
  }

  std::size_t month_name_day(std::size_t i, FoundDate& out) const {
    if (!month(i) || !numeric(i + 1) || digits_in(pieces_[i + 1]) > 2 || !loose(gap(i))) {
      return 0;
    }
    out.date = {0, pieces_[i].month, pieces_[i + 1].number};
    std::size_t at = i + 1;
    if (at + 1 < pieces_.size() && pieces_[at + 1].number < 0 && gap(at).empty()) {
      ++at;  // "March 3rd"
    }
    return with_year(i, at, out);
  }

  // Adds the year behind piece `at`, or accepts the date without one.
  std::size_t with_year(std::size_t i, std::size_t at, FoundDate& out) const {
    std::size_t year_at = at + 1;
    if (year_at < pieces_.size() && pieces_[year_at].number < 0 &&
        fold(text_.substr(pieces_[year_at].begin, pieces_[year_at].end - pieces_[year_at].begin)) ==
            "de") {
      ++year_at;
    }
    if (numeric(year_at) && loose(gap(year_at - 1))) {
      const bool two = digits_in(pieces_[year_at]) == 2 && partial_ == Partial::No;
      const int year = digits_in(pieces_[year_at]) == 4 || two ||
                               (digits_in(pieces_[year_at]) == 2 && gap(year_at - 1) == "-")
                           ? full_year(pieces_[year_at])
                           : -1;
      Date dated = out.date;
      dated.year = year;
      if (year > 0 && is_valid(dated)) {
        out.date = dated;
        return year_at - i + 1;
      }
    }
    return partial_ == Partial::Yes && is_valid(out.date) ? at - i + 1 : 0;
  }

  std::size_t two_numbers(std::size_t i, FoundDate& out) const {
    if (partial_ == Partial::No || !numeric(i) || !numeric(i + 1) || !free_standing(i, i + 1) ||
        digits_in(pieces_[i]) > 2 || digits_in(pieces_[i + 1]) != 2) {
      return 0;
    }
    const std::string_view between = gap(i);
    if (between != "/" && between != "-" && between != ".") {
      return 0;
    }
    const Date month_first{0, pieces_[i].number, pieces_[i + 1].number};
    const Date day_first{0, pieces_[i + 1].number, pieces_[i].number};
    const bool prefers_day =
        order_ == DayOrder::DayFirst || (order_ == DayOrder::Unknown && between == ".");
    out.date =
        is_valid(day_first) && (prefers_day || !is_valid(month_first)) ? day_first : month_first;
    out.ambiguous = is_valid(day_first) && is_valid(month_first);
    return is_valid(out.date) ? 2 : 0;
  }

  std::string_view text_;
  DayOrder order_;
  Partial partial_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::string Date::iso() const {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d", year % 10000, month % 100, day % 100);
  return text.data();
}

bool is_valid(const Date& date) {
  constexpr std::array<int, 12> kDays{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (date.month < 1 || date.month > 12 || date.day < 1 ||
      date.day > kDays[static_cast<std::size_t>(date.month - 1)]) {
    return false;
  }
  if (date.year == 0) {
    return true;
  }
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  return date.year >= 1900 && date.year < 2060 && (date.month != 2 || date.day < 29 || leap);
}

std::vector<FoundDate> find_dates(std::string_view text, DayOrder order, Partial partial) {
  constexpr std::size_t kMaxText = 200'000;
  return Finder(clip(text, kMaxText), order, partial).run();
}

std::optional<Date> first_date(std::string_view text, DayOrder order, Partial partial) {
  const auto found = find_dates(text, order, partial);
  return found.empty() ? std::nullopt : std::optional(found.front().date);
}

DayOrder infer_day_order(std::span<const PageView> pages) {
  int day_first = 0;
  int month_first = 0;
  for (const PageView& page : pages) {
    for (const Token& token : page.tokens) {
      if (count_digits(token.text) < 3) {
        continue;
      }
      const auto read_as_day = find_dates(token.text, DayOrder::DayFirst);
      const auto read_as_month = find_dates(token.text, DayOrder::MonthFirst);
      if (read_as_day.empty() || read_as_day[0].ambiguous ||
          token.text.find_first_of("/-.") == std::string::npos) {
        continue;
      }
      const auto pieces = pieces_of(token.text.substr(read_as_day[0].begin));
      if (pieces.size() < 3 || pieces[0].number < 0 || pieces[1].number < 0) {
        continue;
      }
      day_first += pieces[0].number > 12 && pieces[0].number < 32 ? 1 : 0;
      month_first += pieces[1].number > 12 && pieces[0].number <= 12 ? 1 : 0;
    }
  }
  if (day_first != month_first) {
    return day_first > month_first ? DayOrder::DayFirst : DayOrder::MonthFirst;
  }
  for (const PageView& page : pages) {
    for (const Token& token : page.tokens) {
      const std::string_view text = token.text;
      if (text.contains("€") || text.contains("£") || text.contains("₹") || text == "RM" ||
          token.key == "eur" || token.key == "gbp" || token.key == "chf" || token.key == "inr" ||
          token.key == "gst" || token.key == "gstin" || token.key == "myr" || token.key == "vat" ||
          token.key == "mwst" || token.key == "tva" || token.key == "iva" || token.key == "abn") {
        return DayOrder::DayFirst;
      }
    }
  }
  return DayOrder::Unknown;
}

}  // namespace headgate::documents
