// Statements of bank accounts and credit cards: header, balances and period. The transactions are
// read by extract_transactions.cc.
#include <algorithm>
#include <array>
#include <cmath>

#include "documents/extract_transactions.h"
#include "documents/extract_types.h"
#include "documents/mask.h"
#include "documents/understand_label.h"
#include "documents/understand_party.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kAccountLabels = std::to_array<std::string_view>(
    {"account number|account no|account num|acct number|acct no|account ending in|card number|card "
     "ending in|account ending|"
     "primary account|a c no|kontonummer|konto nr|numero de compte|numero de "
     "cuenta|rekeningnummer|=iban",
     "=account|=acct|=card|=konto|=compte"});
constexpr auto kPeriodLabels = std::to_array<std::string_view>(
    {"statement period|billing period|statement dates|period covered|opening closing "
     "date|statement cycle|billing cycle|account period|"
     "for the period|for period|activity period",
     "statement date|=period|=from|=zeitraum|=periode|=date"});
constexpr auto kBeginningLabels = std::to_array<std::string_view>(
    {"beginning balance|opening balance|previous balance|starting balance|last months balance|last "
     "month s balance|"
     "balance brought forward|opening account balance|previous statement balance|last statement "
     "balance|balance forward|"
     "brought forward|anfangssaldo|alter saldo|solde initial|ancien solde|saldo inicial|saldo "
     "iniziale|beginsaldo|your opening balance"});
constexpr auto kEndingLabels = std::to_array<std::string_view>(
    {"ending balance|closing balance|new balance total|new balance|closing account balance|balance "
     "carried forward|carried forward|"
     "endsaldo|neuer saldo|solde final|nouveau solde|saldo final|saldo finale|eindsaldo|statement "
     "balance|your closing balance",
     "current balance|total outstanding|outstanding balance|outstanding|total amount due|total "
     "balance|total due|amount due"});
constexpr auto kCreditLabels = std::to_array<std::string_view>(
    {"total deposits and additions|total deposits and other credits|total deposits|total "
     "credits|total money in|total paid in|total payments and credits|"
     "total payments",
     "deposits and additions|deposits and other credits|deposits other credits|payments and "
     "credits|payments credits|=deposits|=credits|money in"});
constexpr auto kDebitLabels = std::to_array<std::string_view>(
    {"total withdrawals and other debits|total withdrawals|total debits|total money out|total paid "
     "out|total purchases|total charges|total checks and withdrawals",
     "withdrawals and other debits|withdrawals other debits|other subtractions|electronic "
     "withdrawals|=withdrawals|=debits|money out|=purchases"});

bool is_column_head(const PageView& page, const PhraseHit& hit) {
  // "Credits Debits Balance": other column names stand beside it.
  const std::string_view behind = key_behind(page, hit);
  const std::string_view before = key_before(page, hit);
  const auto is_name = [](std::string_view key) {
    return key == "debits" || key == "debit" || key == "balance" || key == "credits" ||
           key == "credit" || key == "amount" || key == "withdrawals" || key == "deposits" ||
           key == "description" || key == "details";
  };
  return is_name(behind) || is_name(before) || behind == "other" || behind == "or" ||
         behind == "limit";
}

std::optional<std::string> account_in(std::string_view text) {
  std::string number;
  for (const std::string_view word : split(text, ' ')) {
    const std::string key = fold(word);
    if (key == "number" || key == "no" || key == "ending" || key == "in" || key == "nr") {
      continue;
    }
    const std::string_view clean = trim_marks(word);
    const std::size_t digits = count_digits(word);
    const bool hidden =
        !word.empty() && digits == 0 && word.find_first_not_of("*xX.-•#") == std::string_view::npos;
    const bool iban = number.empty() && word.size() >= 4 && is_letter(word[0]) &&
                      is_letter(word[1]) && is_digit(word[2]);
    const std::size_t letters = static_cast<std::size_t>(
        std::ranges::count_if(word, [](char c) { return is_letter(c) && c != 'x' && c != 'X'; }));
    if (!hidden && (digits == 0 || (letters > 0 && !iban && letters > 2) || clean.contains('/') ||
                    clean.contains('$') || clean.contains('.'))) {
      break;
    }
    number += word;
  }
  const std::size_t digits = count_digits(number);
  return digits >= 4 && digits <= 34 ? std::optional(number) : std::nullopt;
}

// Four groups of four digits (the first ones may be stars): a card number without a label.
std::optional<std::string> card_number(const Reading& reading) {
  for (const PageView& page : reading.pages) {
    for (const Cell& cell : page.cells) {
      const std::string text = page.text(cell);
      std::string bare;
      for (const char c : text) {
        if (is_digit(c) || c == '*' || c == 'X' || c == 'x') {
          bare.push_back(c);
        } else if (c != ' ' && c != '-') {
          bare.clear();
          break;
        }
      }
      if (bare.size() >= 15 && bare.size() <= 16 && count_digits(bare) >= 4 &&
          text.size() > bare.size() + 2) {
        return bare;
      }
    }
  }
  return std::nullopt;
}

void set_account(const Reading& reading, Findings& findings) {
  std::optional<std::string> number;
  float confidence = 0;
  if (const auto found = labelled_text(reading.pages, kAccountLabels, account_in)) {
    number = found->text;
    confidence = found->confidence;
  } else if (const auto card = card_number(reading)) {
    number = card;
    confidence = 0.8F;
  }
  if (number) {
    findings.record.set("header.account_number", mask_account(*number), confidence);
    if (count_digits(*number) > 4) {
      findings.secrets.push_back(only_digits(*number));
    }
  }
}

void set_account_type(const Reading& reading, Record& record) {
  if (record.type() == DocumentType::CreditCardStatement) {
    record.set("header.account_type", std::string("credit card"), 0.9F);
    return;
  }
  struct Kind {
    std::string_view phrases;
    std::string_view name;
  };
  constexpr auto kKinds =
      std::to_array<Kind>({{"=savings account|savings account statement|=savings", "savings"},
                           {"=checking account|=checking", "checking"},
                           {"=current account|girokonto|compte courant", "current"},
                           {"money market", "money market"}});
  for (const PageView& page : reading.pages) {
    for (const Kind& kind : kKinds) {
      if (has_phrase(page, kind.phrases)) {
        record.set("header.account_type", std::string(kind.name), 0.8F);
        return;
      }
    }
  }
}

// Two dates of one text that make a period; the year of the first may be left out.
std::optional<Period> period_in(std::string_view text, DayOrder order) {
  auto dates = find_dates(text, order, Partial::Yes);
  std::erase_if(dates, [](const FoundDate& found) { return found.date.day == 0; });
  for (std::size_t i = 0; i + 1 < dates.size(); ++i) {
    Date first = dates[i].date;
    const Date last = dates[i + 1].date;
    if (last.year == 0 || dates[i + 1].begin - dates[i].end > 20) {
      continue;
    }
    if (first.year == 0) {
      first.year = first.month > last.month ? last.year - 1 : last.year;
    }
    if (first < last) {
      return Period{first, last};
    }
  }
  return std::nullopt;
}

std::optional<Period> find_period(const Reading& reading, float& confidence) {
  for (const std::string_view phrases : kPeriodLabels) {
    for (const PageView& page : reading.pages) {
      for (const PhraseHit& hit : find_phrase(page, phrases)) {
        const Row& row = page.rows[page.tokens[hit.tokens.first].row];
        if (auto period =
                period_in(page.text(Range{hit.tokens.first,
                                          std::min(row.tokens.last, hit.tokens.first + 24)}),
                          reading.order)) {
          confidence = 0.95F;
          return period;
        }
        for (const Nearby& place : near(page, hit)) {
          if (auto period = period_in(page.text(place.tokens), reading.order)) {
            confidence = 0.92F;
            return period;
          }
        }
      }
    }
  }
  // Anything like "January 1, 2025 through January 31, 2025".
  for (const PageView& page : reading.pages) {
    for (const Row& row : page.rows) {
      if (row.tokens.last - row.tokens.first > 16) {
        continue;
      }
      const std::string text = page.text(row);
      if (auto period = period_in(text, reading.order);
          period && (text.contains(" to ") || text.contains("through") || text.contains(" - ") ||
                     text.contains("–") || text.contains("bis"))) {
        confidence = 0.75F;
        return period;
      }
    }
  }
  return std::nullopt;
}

bool names_a_bank(std::string_view text) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"bank",      "bancorp",  "banking",  "credit", "union",      "financial", "trust",
       "sparkasse", "banque",   "banco",    "banca",  "savings",    "card",      "express",
       "chase",     "citi",     "citibank", "hsbc",   "barclays",   "wells",     "fargo",
       "capital",   "discover", "paypal",   "visa",   "mastercard", "federal"});
  for (const std::string_view word : split(text, ' ')) {
    if (one_of(kWords, fold(word))) {
      return true;
    }
  }
  return false;
}

void set_bank(const Reading& reading, Record& record) {
  if (reading.pages.empty()) {
    return;
  }
  const PageView& page = reading.pages.front();
  const Cell* best = nullptr;
  float best_score = 0;
  for (const Cell& cell : page.cells) {
    const std::string text = page.text(cell);
    const std::string key = fold(text);
    const bool other = count_letters(text) < 3 || count_digits(text) > 3 || text.size() > 50 ||
                       text.contains(':') || key.contains("statement") || key.contains("summary") ||
                       key.contains("account") || key.contains("balance") || key.contains("www") ||
                       text.contains('@') || key.contains("page") || key.contains("activity") ||
                       key.contains("details") || key.contains("payment") ||
                       key.contains("creditlimit") || key.contains("deposit") ||
                       key.contains("transaction") || key.starts_with("credit");
    if (other || cell.box.top > 0.35F * page.height) {
      continue;
    }
    float score = 3 * (1 - cell.box.top / (0.35F * page.height));
    score += names_a_bank(text) ? 4.0F : 0.0F;
    score += 1.5F * std::min(cell.box.height() / page.em, 3.0F);
    score -= looks_like_address(text) ? 2.0F : 0.0F;
    if (best == nullptr || score > best_score) {
      best = &cell;
      best_score = score;
    }
  }
  if (best != nullptr && best_score > 4) {
    record.set("header.bank_name", scrub(trim_marks(page.text(*best))),
               best_score > 7 ? 0.85F : 0.6F);
  }
}

std::optional<LabelledAmount> strongest(const Reading& reading,
                                        std::span<const std::string_view> labels,
                                        const Refuse& refuse = {}) {
  const auto found = labelled_amounts(reading.pages, reading.mark, labels, refuse);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

void set_amount(Record& record, std::string_view path, const std::optional<LabelledAmount>& found) {
  if (found) {
    record.set(path, found->value, found->confidence);
  }
}

// opening + credits - debits = closing (the other way round for what is owed on a card).
void check_sums(Record& record) {
  const auto opening = record.number("header.beginning_balance");
  const auto closing = record.number("header.ending_balance");
  const auto credits = record.number("summary.total_credits");
  const auto debits = record.number("summary.total_debits");
  if (!opening || !closing || !credits || !debits) {
    return;
  }
  const bool card = record.type() == DocumentType::CreditCardStatement;
  const double sum = card ? *opening - *credits + *debits : *opening + *credits - *debits;
  const float factor = same_money(sum, *closing) ? 1.08F : 0.8F;
  for (const std::string_view path : {"header.beginning_balance", "header.ending_balance",
                                      "summary.total_credits", "summary.total_debits"}) {
    record.adjust(path, factor);
  }
}

}  // namespace

void extract_statement(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  set_bank(reading, record);
  set_account(reading, findings);
  set_account_type(reading, record);
  float period_confidence = 0;
  const auto period = find_period(reading, period_confidence);
  if (period) {
    record.set("header.statement_period", period->first.iso() + " - " + period->last.iso(),
               period_confidence);
  }
  set_amount(record, "header.beginning_balance", strongest(reading, kBeginningLabels));
  set_amount(record, "header.ending_balance", strongest(reading, kEndingLabels));
  // Without a period the day the statement was made tells the year of its transactions.
  auto span = period;
  constexpr auto kMade = std::to_array<std::string_view>({"statement date|closing date|=date"});
  if (const auto made = span ? std::nullopt : labelled_date(reading.pages, reading.order, kMade)) {
    span = Period{made->date, made->date};
  }
  const TransactionSums sums = add_transactions(reading, span, record);
  auto credits = strongest(reading, kCreditLabels, is_column_head);
  auto debits = strongest(reading, kDebitLabels, is_column_head);
  if (credits) {
    record.set("summary.total_credits", std::abs(credits->value), credits->confidence);
  } else if (sums.count > 0) {
    record.set("summary.total_credits", sums.credits, 0.6F);
  }
  if (debits) {
    record.set("summary.total_debits", std::abs(debits->value), debits->confidence);
  } else if (sums.count > 0) {
    record.set("summary.total_debits", sums.debits, 0.6F);
  }
  const auto in = record.number("summary.total_credits");
  const auto out = record.number("summary.total_debits");
  if (in && out) {
    record.set("summary.net_change", std::round((*in - *out) * 100) / 100, 0.7F);
  }
  check_sums(record);
}

}  // namespace headgate::documents
