#include "documents/understand_party.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "documents/amounts.h"
#include "documents/dates.h"
#include "documents/understand_label.h"
#include "documents/understand_phrase.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kCompanyWords = std::to_array<std::string_view>(
    {"inc",         "llc",    "ltd",      "limited",    "gmbh",      "corp",        "corporation",
     "company",     "plc",    "bhd",      "kg",         "ohg",       "sarl",        "sas",
     "srl",         "spa",    "bv",       "nv",         "pty",       "pvt",         "llp",
     "co",          "sdn",    "oy",       "ab",         "aps",       "enterprise",  "trading",
     "enterprises", "stores", "store",    "restaurant", "mart",      "supermarket", "cafe",
     "hardware",    "bakery", "bakeries", "services",   "solutions", "group",       "industries",
     "sp"});

constexpr auto kStreetWords = std::to_array<std::string_view>(
    {"street",  "st",      "road",      "rd",     "avenue",   "ave",    "lane",    "drive",
     "dr",      "blvd",    "boulevard", "jalan",  "jln",      "lot",    "taman",   "suite",
     "floor",   "unit",    "box",       "way",    "square",   "plaza",  "strasse", "str",
     "weg",     "platz",   "rue",       "via",    "calle",    "plaza",  "laan",    "straat",
     "batu",    "highway", "hwy",       "court",  "ct",       "level",  "block",   "no",
     "ground",  "seksyen", "section",   "kuala",  "selangor", "bandar", "kampung", "lorong",
     "village", "mall",    "centre",    "center", "nagar",    "park"});

constexpr auto kTitleWords = std::to_array<std::string_view>({"invoice",     "tax",
                                                              "receipt",     "rechnung",
                                                              "facture",     "factuur",
                                                              "fattura",     "factura",
                                                              "bill",        "date",
                                                              "page",        "seite",
                                                              "copy",        "original",
                                                              "duplicate",   "statement",
                                                              "retail",      "invoices",
                                                              "cash",        "order",
                                                              "welcome",     "to",
                                                              "customer",    "guest",
                                                              "check",       "simplified",
                                                              "sales",       "number",
                                                              "no",          "from",
                                                              "nr",          "thank",
                                                              "you",         "warenrechnung",
                                                              "gutschrift",  "commercial",
                                                              "proforma",    "the",
                                                              "a",           "credit",
                                                              "note",        "memo",
                                                              "paid",        "due",
                                                              "total",       "amount",
                                                              "account",     "bank",
                                                              "payment",     "kaufer",
                                                              "lieferant",   "quantity",
                                                              "description", "summary",
                                                              "contact",     "phone",
                                                              "tel",         "fax",
                                                              "email",       "www",
                                                              "bill",        "ship",
                                                              "sold"});

bool is_contact(std::string_view text) {
  const std::string key = fold(text);
  return text.contains('@') || text.contains("www.") || text.contains("http") ||
         text.contains(".com") || key.starts_with("tel") || key.starts_with("fax") ||
         key.starts_with("phone") || key.starts_with("gst") || key.starts_with("vat") ||
         key.starts_with("abn") || key.starts_with("regno") || key.starts_with("coreg") ||
         key.starts_with("companyreg") || key.starts_with("email") || key.starts_with("ustid") ||
         key.starts_with("gln") || key.starts_with("taxid") || key.starts_with("roc");
}

// Share of words that only titles and labels use.
bool is_title(std::string_view text) {
  std::size_t words = 0;
  std::size_t titles = 0;
  for (const std::string_view word : split(text, ' ')) {
    const std::string key = fold(word);
    if (count_letters(key) == 0) {
      continue;
    }
    ++words;
    titles += one_of(kTitleWords, key) ? 1 : 0;
  }
  return words == 0 || titles * 2 >= words + (words > 3 ? 1 : 0);
}

std::string_view bare(std::string_view text) { return trim_marks(trim(text)); }

bool could_be_name(std::string_view text) {
  const std::size_t letters = count_letters(text);
  return letters >= 3 && letters > count_digits(text) && text.size() <= 80 && !is_contact(text) &&
         !is_title(text) && !text.starts_with('(') && !text.ends_with(':') &&
         find_dates(text, DayOrder::Unknown).empty();
}

// Lines under a heading that continue it as an address.
std::string address_below(const PageView& page, const Cell& name) {
  std::string address;
  float bottom = name.box.bottom;
  constexpr int kMaxLines = 4;
  int lines = 0;
  for (std::uint32_t row = name.row + 1; row < page.rows.size() && lines < kMaxLines; ++row) {
    const Row& band = page.rows[row];
    if (band.box.top - bottom > 2.2F * page.em) {
      break;
    }
    for (std::uint32_t c = band.cells.first; c < band.cells.last; ++c) {
      const Cell& cell = page.cells[c];
      const bool under = std::abs(cell.box.left - name.box.left) < 2.5F * page.em ||
                         std::abs(cell.box.middle_x() - name.box.middle_x()) < 2.5F * page.em;
      if (!under || cell.box.top < bottom - 0.5F * page.em) {
        continue;
      }
      const std::string text = page.text(cell);
      const bool contact = is_contact(text) || (count_digits(text) >= 9 && count_letters(text) < 6);
      if (contact || is_title(text)) {
        return address;
      }
      if (lines > 0 || looks_like_address(text) || count_digits(text) > 0) {
        address += address.empty() ? "" : ", ";
        address += bare(text);
      }
      bottom = cell.box.bottom;
      ++lines;
      break;
    }
  }
  return address;
}

constexpr std::string_view kSenderLabels =
    "=from|sold by|=seller|=vendor|=supplier|bill from|service provider|=lieferant|verkaufer|"
    "rechnungssteller|=vendeur|fournisseur|=remit to|pay to";

// The name under a label: the first line, or what stands beside "Name:".
std::optional<Sender> sender_below(const PageView& page, const Cell& label,
                                   std::uint32_t label_row) {
  float bottom = label.box.bottom;
  for (std::uint32_t row = label_row + 1; row < page.rows.size(); ++row) {
    if (page.rows[row].box.top - bottom > 3 * page.em) {
      break;
    }
    for (std::uint32_t c = page.rows[row].cells.first; c < page.rows[row].cells.last; ++c) {
      const Cell& below = page.cells[c];
      if (std::abs(below.box.left - label.box.left) > 2 * page.em) {
        continue;
      }
      const std::string text = page.text(below);
      bottom = below.box.bottom;
      if (fold(text) == "name" && c + 1 < page.rows[row].cells.last) {
        const Cell& value = page.cells[c + 1];
        return Sender{std::string(bare(page.text(value))), address_below(page, value), 0.85F};
      }
      if (!text.ends_with(':') && could_be_name(bare(text))) {
        return Sender{std::string(bare(text)), address_below(page, below), 0.88F};
      }
    }
  }
  return std::nullopt;
}

std::optional<Sender> labelled_sender(const PageView& page) {
  for (const PhraseHit& hit : find_phrase(page, kSenderLabels)) {
    if (hit.box.top > 0.95F * page.height) {
      continue;
    }
    // "From" inside running text is no label: it must begin its cell.
    const Token& first = page.tokens[hit.tokens.first];
    if (page.cells[first.cell].tokens.first != hit.tokens.first) {
      continue;
    }
    const Cell& cell = page.cells[first.cell];
    if (hit.tokens.last < cell.tokens.last) {
      const std::string text(bare(page.text(Range{hit.tokens.last, cell.tokens.last})));
      const bool colon = page.tokens[hit.tokens.last - 1].text.ends_with(':') ||
                         page.tokens[hit.tokens.last].text == ":";
      if (colon && could_be_name(text)) {
        return Sender{text, address_below(page, cell), 0.88F};
      }
      if (!colon) {
        continue;
      }
    }
    if (auto sender = sender_below(page, cell, first.row)) {
      return sender;
    }
  }
  return std::nullopt;
}

bool is_customer_label(std::string_view text) {
  const std::string key = fold(text);
  return key.starts_with("billto") || key.starts_with("shipto") || key.starts_with("invoiceto") ||
         key.starts_with("soldto") || key.starts_with("to") || key.starts_with("customer") ||
         key.starts_with("invoicefor") || key.starts_with("kaufer") || key.starts_with("kunde") ||
         key.starts_with("client") || key.starts_with("rechnungsempf") ||
         key.starts_with("deliverto") || key.starts_with("billed") || key.starts_with("attn");
}

// True if a label such as "Bill to" stands a few lines above the cell.
bool belongs_to_customer(const PageView& page, const Cell& cell) {
  for (std::uint32_t row = cell.row; row-- > 0;) {
    const Row& band = page.rows[row];
    if (cell.box.top - band.box.bottom > 4 * page.em) {
      return false;
    }
    for (std::uint32_t c = band.cells.first; c < band.cells.last; ++c) {
      if (std::abs(page.cells[c].box.left - cell.box.left) < 3 * page.em &&
          is_customer_label(page.text(page.cells[c]))) {
        return true;
      }
    }
  }
  return false;
}

std::optional<Sender> heading_sender(const PageView& page) {
  const Cell* best = nullptr;
  float best_score = 0;
  const std::optional<std::string> email = find_email(page);
  const std::string domain = email ? fold(email->substr(email->find('@') + 1)) : "";
  for (const Cell& cell : page.cells) {
    const std::string text(bare(page.text(cell)));
    if (page.tokens[cell.tokens.last - 1].text.ends_with(':') || !could_be_name(text) ||
        is_customer_label(text) || belongs_to_customer(page, cell)) {
      continue;
    }
    const float height = std::min(cell.box.height() / page.em, 3.0F);
    const float down = cell.box.top / page.height;
    float score = 1.5F * height + 4 * (1 - std::min(1.0F, 3 * down));
    score += has_company_suffix(text) ? 2.5F : 0;
    const std::string key = fold(text);
    score += key.size() >= 4 && domain.starts_with(key.substr(0, 6)) ? 2.0F : 0;
    score -= looks_like_address(text) ? 2.0F : 0;
    score -= static_cast<float>(count_digits(text)) * 0.2F;
    score -= text.size() > 45 ? 2.5F : 0;
    score -= text.contains(':') ? 1.5F : 0;
    if (best == nullptr || score > best_score) {
      best = &cell;
      best_score = score;
    }
  }
  if (best == nullptr || best_score < 2) {
    return std::nullopt;
  }
  return Sender{std::string(bare(page.text(*best))), address_below(page, *best),
                best_score > 5 ? 0.75F : 0.55F};
}

}  // namespace

bool has_company_suffix(std::string_view text) {
  for (const std::string_view word : split(text, ' ')) {
    const std::string key = fold(word);
    if (one_of(kCompanyWords, key)) {
      return true;
    }
  }
  return text.contains("S.A.") || text.contains("B.V.") || text.contains("a.G.");
}

bool looks_like_address(std::string_view text) {
  bool street = false;
  bool postal = false;
  bool number = false;
  for (const std::string_view word : split(text, ' ')) {
    const std::string key = fold(word);
    street = street || one_of(kStreetWords, key);
    const std::size_t digits = count_digits(key);
    postal = postal || (digits == key.size() && (digits == 5 || digits == 4));
    number = number || digits > 0;
  }
  return (street && number) || postal;
}

std::optional<Sender> find_sender(const PageView& page) {
  if (auto labelled = labelled_sender(page)) {
    return labelled;
  }
  return heading_sender(page);
}

std::optional<Sender> find_merchant(const PageView& page) {
  constexpr std::size_t kMaxRows = 12;  // a name stands at the head
  const Row* name = nullptr;
  std::string name_text;
  for (std::size_t r = 0; r < page.rows.size() && r < kMaxRows; ++r) {
    const Row& row = page.rows[r];
    const std::string text(bare(page.text(row)));
    const float sure = confidence_of(page, row.tokens);
    if (!could_be_name(text) || sure < 0.35F || count_letters(text) < 4 ||
        looks_like_address(text)) {
      continue;
    }
    if (name == nullptr) {
      name = &row;
      name_text = text;
      continue;
    }
    // A later line wins only if it names a company and the first does not.
    if (!has_company_suffix(name_text) && has_company_suffix(text) && r < 6) {
      name = &row;
      name_text = text;
    }
  }
  if (name == nullptr) {
    return std::nullopt;
  }
  Sender sender{name_text, "", has_company_suffix(name_text) ? 0.85F : 0.65F};
  // "COMPANY SDN BHD (123456-X)": the registration number is not part of the name.
  if (const std::size_t bracket = sender.name.find('(');
      bracket != std::string::npos && bracket > 5 &&
      count_digits(sender.name.substr(bracket)) >= 4) {
    sender.name = std::string(bare(sender.name.substr(0, bracket)));
  }
  int lines = 0;
  bool begun = false;
  constexpr int kMaxAddressLines = 6;
  for (const Row* row = name + 1;
       row < page.rows.data() + page.rows.size() && lines < kMaxAddressLines; ++row, ++lines) {
    const std::string text(bare(page.text(*row)));
    const bool end =
        is_contact(text) || !find_dates(text, DayOrder::Unknown).empty() || is_title(text);
    if (end) {
      if (begun) {
        break;
      }
      continue;
    }
    if (!begun && !looks_like_address(text) && count_digits(text) == 0) {
      continue;
    }
    if (!begun && !looks_like_address(text) && count_letters(text) < 8) {
      continue;  // a registration number
    }
    begun = true;
    sender.address += sender.address.empty() ? "" : " ";
    sender.address += trim(page.text(*row));
  }
  return sender;
}

std::optional<std::string> find_phone(const PageView& page) {
  const auto valid = [](std::string_view text) {
    const std::size_t digits = count_digits(text);
    return digits >= 7 && digits <= 15 && count_letters(text) == 0;
  };
  // Behind a label first, then anything written like (123) 456-7890 or +49 123 ...
  for (const PhraseHit& hit : find_phrase(
           page, "=telephone|=phone|=tel|=telefon|=telefono|phone no|tel no|=mobile|=call")) {
    const Cell& cell = page.cells[page.tokens[hit.tokens.first].cell];
    std::string number;
    for (std::uint32_t i = hit.tokens.last; i < cell.tokens.last; ++i) {
      const std::string_view text = page.tokens[i].text;
      if (count_letters(text) > 0 || (text == "/" || text == "|")) {
        break;
      }
      number += number.empty() ? "" : " ";
      number += text;
      if (count_digits(number) >= 15) {
        break;
      }
    }
    number = std::string(bare(number));
    if (valid(number)) {
      return number;
    }
  }
  for (const Cell& cell : page.cells) {
    const std::string text(bare(page.text(cell)));
    const bool shaped = text.starts_with('+') || text.starts_with('(') ||
                        std::ranges::count(text, '-') == 2 || std::ranges::count(text, '.') == 2;
    if (shaped && valid(text) && count_digits(text) >= 9 &&
        find_dates(text, DayOrder::Unknown).empty() && !parse_amount(text)) {
      return text;
    }
  }
  return std::nullopt;
}

std::optional<std::string> find_email(const PageView& page) {
  for (const Token& token : page.tokens) {
    const std::string_view text = trim_marks(token.text);
    const std::size_t at = text.find('@');
    if (at != std::string_view::npos && at > 0 && text.find('.', at) != std::string_view::npos &&
        text.size() <= 80) {
      return std::string(text);
    }
  }
  return std::nullopt;
}

}  // namespace headgate::documents
