#include "documents/extract_transactions.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "documents/mask.h"
#include "documents/understand_table.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kColumns = std::to_array<ColumnKind>({
    {"date",
     "transaction date|trans date|date of transaction|posting date|post date|value "
     "date|=date|=datum|=fecha|=data|buchungstag"},
    {"description",
     "merchant name or transaction description|transaction "
     "description|=description|=merchant|=details|particulars|=payee|=transaction|"
     "verwendungszweck|buchungstext|libelle|descripcion|=narration|=narrative|=omschrijving"},
    {"credit",
     "=credit|=credits|=deposits|=deposit|paid in|money in|deposits credits|credit "
     "amount|=haben|=gutschrift|=additions|deposits additions"},
    {"debit",
     "=debit|=debits|=withdrawals|=withdrawal|paid out|money out|withdrawals debits|debit "
     "amount|=soll|=lastschrift|=subtractions|withdrawals subtractions"},
    {"amount",
     "=amount|amount usd|amount sgd|=betrag|=montant|=importe|=importo|=bedrag|transaction "
     "amount|=value"},
    {"balance", "running balance|=balance|=saldo|=solde|account balance"},
    {"number", "=check|check no|check number|=ref|reference|=cheque no|ref no"},
});

enum class Direction : std::uint8_t { Unknown, Credit, Debit };

struct Entry {
  std::optional<Date> date;
  std::string description;
  double amount = 0;  // as written
  bool has_sign = false;
  Direction direction = Direction::Unknown;
  std::optional<double> balance;
};

constexpr std::string_view kEndRows =
    "beginning balance|opening balance|previous balance|ending balance|closing balance|new "
    "balance|brought forward|carried forward|"
    "last months balance|=total|=totals|=subtotal|sub total|total transactions|totals year to "
    "date|minimum payment";
constexpr std::string_view kCreditWords =
    "=deposit|=payroll|=salary|interest paid|=refund|=payment|payment received|=credit|direct "
    "dep|transfer from|=reversal|thank you|dividend|=cashback|"
    "cash back|gutschrift|gehalt|interest earned|payments and other credits|deposits and "
    "additions|deposits and other credits";

// The date a row begins with, and the token behind it.
struct RowDate {
  Date date;
  std::uint32_t end = 0;
};

std::optional<RowDate> leading_date(const PageView& page, const Row& row, DayOrder order) {
  std::string text;
  std::vector<std::size_t> ends;
  const std::uint32_t limit = std::min(row.tokens.last, row.tokens.first + 5);
  for (std::uint32_t i = row.tokens.first; i < limit; ++i) {
    text += text.empty() ? "" : " ";
    text += page.tokens[i].text;
    ends.push_back(text.size());
  }
  const auto dates = find_dates(text, order, Partial::Yes);
  if (dates.empty() || dates.front().begin > 4) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i] >= dates.front().end) {
      return RowDate{dates.front().date, row.tokens.first + static_cast<std::uint32_t>(i) + 1};
    }
  }
  return std::nullopt;
}

void set_year(Date& date, const std::optional<Period>& period) {
  if (date.year != 0 || !period) {
    return;
  }
  date.year = period->last.year;
  if (date > period->last) {
    --date.year;
  }
}

class Reader {
 public:
  Reader(const Reading& reading, std::vector<Entry>& entries)
      : reading_(reading), entries_(entries) {}

  void page(const PageView& page) {
    const auto headers = find_headers(page, kColumns, 2);
    std::size_t next = 0;
    for (std::uint32_t r = 0; r < page.rows.size(); ++r) {
      while (next < headers.size() && headers[next].row < r) {
        header_ = headers[next++];
        section_ = Direction::Unknown;
        header_seen_ = true;
        date_.reset();
      }
      const bool is_header =
          next < headers.size() && headers[next].row >= r && headers[next].row - r <= 1;
      if (!is_header) {
        row(page, page.rows[r]);
      }
    }
  }

 private:
  void row(const PageView& page, const Row& row) {
    if (has_phrase(page, row.tokens, kEndRows)) {
      return;
    }
    const auto dated = leading_date(page, row, reading_.order);
    const std::uint32_t begin = dated ? dated->end : row.tokens.first;
    auto amounts = find_amounts(page, {begin, row.tokens.last}, reading_.mark);
    const bool columns = header_seen_ && (header_.has("credit") || header_.has("debit"));
    std::erase_if(amounts, [&](const FoundAmount& found) {
      const Column* column = header_seen_ ? column_of(header_, found.box) : nullptr;
      const bool in_money_column =
          column != nullptr && (column->key == "credit" || column->key == "debit" ||
                                column->key == "amount" || column->key == "balance");
      return !found.amount.has_cents && !(in_money_column && (columns || found.amount.is_money()));
    });
    if (amounts.empty()) {
      note_section(page, row);
      return;
    }
    if (!dated && !(columns && header_.has("description"))) {
      return;
    }
    Entry entry;
    if (dated) {
      date_ = dated->date;
    }
    entry.date = date_;
    if (!assign(amounts, entry)) {
      return;
    }
    entry.description = description(page, {begin, amounts.front().tokens.first}, dated.has_value());
    if (!dated && count_letters(entry.description) < 3) {
      return;
    }
    if (entry.direction == Direction::Unknown) {
      entry.direction = section_;
    }
    entries_.push_back(std::move(entry));
  }

  // "Deposits and other credits": what follows has one direction.
  void note_section(const PageView& page, const Row& row) {
    if (row.tokens.last - row.tokens.first > 6) {
      return;
    }
    if (has_phrase(page, row.tokens,
                   "deposits and other credits|deposits and additions|payments and other "
                   "credits|payments and credits|=deposits")) {
      section_ = Direction::Credit;
    } else if (has_phrase(page, row.tokens,
                          "withdrawals and other debits|electronic "
                          "withdrawals|=withdrawals|=purchases|=purchase|checks paid|=fees|"
                          "fees charged|interest charged|other debits")) {
      section_ = Direction::Debit;
    }
  }

  bool assign(const std::vector<FoundAmount>& amounts, Entry& entry) const {
    if (header_seen_) {
      bool found = false;
      for (const FoundAmount& one : amounts) {
        const Column* column = column_of(header_, one.box);
        if (column == nullptr) {
          continue;
        }
        if (column->key == "balance") {
          entry.balance = one.amount.value;
        } else if (column->key == "credit" || column->key == "debit" || column->key == "amount") {
          if (found && one.amount.value == 0) {
            continue;
          }
          entry.amount = one.amount.value;
          entry.has_sign = one.amount.has_sign;
          entry.direction = column->key == "credit"  ? Direction::Credit
                            : column->key == "debit" ? Direction::Debit
                                                     : Direction::Unknown;
          found = true;
        }
      }
      if (found) {
        return true;
      }
    }
    // Without columns: amount, or amount and balance.
    const std::size_t at = amounts.size() >= 2 ? amounts.size() - 2 : 0;
    entry.amount = amounts[at].amount.value;
    entry.has_sign = amounts[at].amount.has_sign;
    if (amounts.size() >= 2) {
      entry.balance = amounts.back().amount.value;
    }
    return true;
  }

  std::string description(const PageView& page, Range tokens, bool) const {
    Range rest = tokens;
    // A second date (posting date) before the text.
    while (rest.first < rest.last &&
           !find_dates(page.tokens[rest.first].text, reading_.order, Partial::Yes).empty() &&
           count_letters(page.tokens[rest.first].text) == 0) {
      ++rest.first;
    }
    return std::string(trim_marks(page.text(rest)));
  }

  const Reading& reading_;
  std::vector<Entry>& entries_;
  TableHeader header_;
  bool header_seen_ = false;
  std::optional<Date> date_;
  Direction section_ = Direction::Unknown;
};

bool is_credit_text(std::string_view description) {
  const std::string key = fold(description);
  for (std::string_view word : split(kCreditWords, '|')) {
    if (word.starts_with('=')) {
      word.remove_prefix(1);
    }
    if (key.contains(fold(word))) {
      return true;
    }
  }
  return false;
}

// Directions still open: by the sign, by the balance, by the words.
void decide(std::vector<Entry>& entries, DocumentType type) {
  const bool card = type == DocumentType::CreditCardStatement;
  const bool any_negative =
      std::ranges::any_of(entries, [](const Entry& entry) { return entry.amount < 0; });
  const bool all_negative =
      std::ranges::all_of(entries, [](const Entry& entry) { return entry.amount < 0; });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    if (entry.direction != Direction::Unknown) {
      continue;
    }
    if (i > 0 && entry.balance && entries[i - 1].balance) {
      const double change = *entry.balance - *entries[i - 1].balance;
      if (same_money(std::abs(change), std::abs(entry.amount))) {
        entry.direction = (change > 0) != card ? Direction::Credit : Direction::Debit;
        continue;
      }
    }
    if (card && all_negative) {
      entry.direction = is_credit_text(entry.description) ? Direction::Credit : Direction::Debit;
    } else if (any_negative || entry.has_sign) {
      // On an account a minus is money out, on a card it is a payment.
      entry.direction = (entry.amount < 0) != card ? Direction::Debit : Direction::Credit;
    } else {
      entry.direction = is_credit_text(entry.description) ? Direction::Credit : Direction::Debit;
    }
  }
}

}  // namespace

TransactionSums add_transactions(const Reading& reading, const std::optional<Period>& period,
                                 Record& record) {
  std::vector<Entry> entries;
  Reader reader(reading, entries);
  for (const PageView& page : reading.pages) {
    reader.page(page);
  }
  decide(entries, record.type());
  TransactionSums sums;
  for (Entry& entry : entries) {
    const double size = std::abs(entry.amount);
    const bool credit = entry.direction == Direction::Credit;
    (credit ? sums.credits : sums.debits) += size;
    ++sums.count;
    FieldValue date;
    if (entry.date) {
      set_year(*entry.date, period);
      if (entry.date->year != 0) {
        date = entry.date->iso();
      }
    }
    record.add("transactions[]", {{"date", date},
                                  {"description", scrub(entry.description)},
                                  {"amount", credit ? size : -size},
                                  {"type", std::string(credit ? "credit" : "debit")}});
  }
  sums.credits = std::round(sums.credits * 100) / 100;
  sums.debits = std::round(sums.debits * 100) / 100;
  return sums;
}

}  // namespace headgate::documents
