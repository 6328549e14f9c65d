#include <algorithm>
#include <array>
#include <cmath>

#include "documents/extract_totals.h"
#include "documents/extract_types.h"
#include "documents/mask.h"
#include "documents/understand_label.h"
#include "documents/understand_party.h"
#include "documents/understand_table.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kNumberLabels = std::to_array<std::string_view>(
    {"invoice number|invoice no|invoice num|invoice nr|invoice id|inv no|inv number|tax invoice "
     "no|cash inv no",
     "rechnungsnummer|rechnung nr|rechnungs nr|rechnungsnr|rechnung nummer|beleg "
     "nr|belegnummer|beitragsrechnung nr|"
     "numero de facture|facture n|facture no|n de facture|factuurnummer|factuur nr|factuur "
     "nummer|numero fattura|"
     "fattura n|fattura nr|numero factura|numero de factura|factura n|factura no|numero da "
     "fatura|fatura n",
     "bill number|bill no|document number|document no|statement number|credit note no|credit note "
     "number",
     "=invoice|=rechnung|=facture|=factuur|=fattura|=factura", "reference number|reference no"});

constexpr auto kDateLabels = std::to_array<std::string_view>(
    {"invoice date|date of invoice|invoiced on|tax invoice date|bill date|billing "
     "date|rechnungsdatum|beleg datum|"
     "belegdatum|date de facture|date de facturation|date facture|factuurdatum|data fattura|fecha "
     "de factura|fecha factura|data da fatura",
     "issue date|date of issue|date issued|issued on|=issued|ausstellungsdatum|date d "
     "emission|fecha de emision|data emissione|=dated",
     "=date|=datum|=fecha|=data|=vom"});

constexpr auto kDueLabels = std::to_array<std::string_view>(
    {"invoice due date|payment due date|due date|date due|payment due by|payment due on|payment "
     "due|due by|due on|pay by|"
     "please pay by|balance due by|faellig am|fallig am|falligkeitsdatum|falligkeit|zahlbar bis|zu "
     "zahlen bis|date d echeance|echeance|"
     "vervaldatum|te betalen voor|scadenza|data scadenza|fecha de vencimiento|vencimiento|data de "
     "vencimento",
     "=due"});

// "Date" of an order, a delivery or a due payment is not the invoice's.
bool is_other_date(const PageView& page, const PhraseHit& hit) {
  constexpr auto kOthers = std::to_array<std::string_view>(
      {"due", "order", "ship", "shipping", "delivery", "payment", "service", "bestell",
       "lieferschein", "leistungs", "liefer", "auftrag", "expiry", "birth", "print", "po", "start",
       "end", "period"});
  const std::string_view before = key_before(page, hit);
  const Token& first = page.tokens[hit.tokens.first];
  const bool same_cell =
      first.cell < page.cells.size() && page.cells[first.cell].tokens.first < hit.tokens.first;
  return (same_cell && one_of(kOthers, before)) || key_behind(page, hit) == "due" ||
         key_behind(page, hit) == "of";
}

// A due date is a date, never part of "amount due on receipt".
bool is_not_due_label(const PageView&, const PhraseHit&) { return false; }

std::optional<std::string> identifier_in(std::string_view text) {
  constexpr std::size_t kMaxLength = 40;
  const auto words = split(text, ' ');
  std::string found;
  for (std::size_t i = 0; i < words.size() && i < 4; ++i) {
    std::string word(words[i]);
    while (word.starts_with("\u200B")) {
      word.erase(0, 3);
    }
    const std::string_view clean = [&] {
      std::string_view view = trim_marks(word);
      while (!view.empty() && (view.front() == '#' || view.front() == '(' || view.front() == ':')) {
        view.remove_prefix(1);
      }
      while (!view.empty() && (view.back() == ')' || view.back() == ',')) {
        view.remove_suffix(1);
      }
      return view;
    }();
    const std::string key = fold(clean);
    if (clean.empty() || key == "no" || key == "nr" || key == "number" || key == "num") {
      continue;
    }
    if (count_digits(clean) == 0) {
      // "INV 0012": letters count only in front of digits.
      if (found.empty() && clean.size() <= 5 && i + 1 < words.size() &&
          count_digits(words[i + 1]) > 0 &&
          std::ranges::all_of(clean, [](char c) { return c >= 'A' && c <= 'Z'; })) {
        found = std::string(clean) + " ";
        continue;
      }
      return std::nullopt;
    }
    const auto amount = parse_amount(clean);
    if (!find_dates(text.substr(0, 40), DayOrder::Unknown).empty() &&
        find_dates(text.substr(0, 40), DayOrder::Unknown)[0].begin < 3) {
      return std::nullopt;
    }
    if ((amount && (amount->has_currency || (amount->has_cents && clean.size() < 12 &&
                                             std::ranges::count(clean, '.') < 2))) ||
        clean.contains('@') || clean.ends_with('%')) {
      return std::nullopt;
    }
    found += clean;
    return found.size() <= kMaxLength ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

// "Rechnung des Versicherers Nr. 77-1 vom ...": the number stands further on in the title's line.
std::optional<LabelledText> number_in_title(const Reading& reading) {
  for (const PageView& page : reading.pages) {
    for (const PhraseHit& hit :
         find_phrase(page, "=invoice|=rechnung|=facture|=factuur|=fattura|=factura")) {
      const Cell& cell = page.cells[page.tokens[hit.tokens.first].cell];
      for (std::uint32_t i = hit.tokens.last; i + 1 < cell.tokens.last && i < hit.tokens.last + 6;
           ++i) {
        const std::string& key = page.tokens[i].key;
        if (key != "nr" && key != "no" && key != "number" && key != "n" && key != "num") {
          continue;
        }
        if (auto number = identifier_in(page.tokens[i + 1].text)) {
          return LabelledText{std::move(*number), 0.8F};
        }
      }
    }
  }
  return std::nullopt;
}

void set_number(const Reading& reading, Record& record) {
  auto found = labelled_text(reading.pages, kNumberLabels, identifier_in,
                             [](const PageView& page, const PhraseHit& hit) {
                               const std::string_view behind = key_behind(page, hit);
                               return behind == "date" || behind == "total" || behind == "amount";
                             });
  if (!found) {
    found = number_in_title(reading);
  }
  if (found) {
    record.set("invoice_number", scrub(found->text), found->confidence);
  }
}

void set_dates(const Reading& reading, Record& record) {
  auto date = labelled_date(reading.pages, reading.order, kDateLabels, is_other_date);
  const auto due = labelled_date(reading.pages, reading.order, kDueLabels, is_not_due_label);
  if (!date) {
    // The first date in the upper part, if it is not the due date.
    for (const PageView& page : reading.pages) {
      for (const Cell& cell : page.cells) {
        const auto first = first_date(page.text(cell), reading.order);
        if (cell.box.top < 0.5F * page.height && first && (!due || !(due->date == *first))) {
          date = LabelledDate{*first, 0.5F};
          break;
        }
      }
      if (date) {
        break;
      }
    }
  }
  if (date) {
    record.set("invoice_date", date->date.iso(), date->confidence);
  }
  if (due) {
    record.set("due_date", due->date.iso(), due->confidence);
  }
  if (date && due && due->date < date->date) {
    record.adjust("due_date", 0.8F);
  }
}

void set_vendor(const Reading& reading, Record& record) {
  if (reading.pages.empty()) {
    return;
  }
  const PageView& page = reading.pages.front();
  if (const auto sender = find_sender(page)) {
    record.set("vendor.name", scrub(sender->name), sender->confidence);
    record.set("vendor.address", scrub(sender->address), 0.8F * sender->confidence);
  }
  if (const auto phone = find_phone(page)) {
    record.set("vendor.phone", *phone, 0.7F);
  }
  if (const auto email = find_email(page)) {
    record.set("vendor.email", *email, 0.8F);
  }
}

constexpr auto kColumns = std::to_array<ColumnKind>({
    {"description",
     "item description|product "
     "description|=description|=item|=items|=product|=service|particulars|bezeichnung|"
     "artikelbezeichnung|=artikel|"
     "beschreibung|=leistung|designation|=omschrijving|descrizione|descripcion|=title|=details"},
    {"quantity",
     "=quantity|=qty|=hrs qty|=qty "
     "hr|=hours|=menge|=anzahl|quantite|=qte|=aantal|quantita|cantidad|=units|=hrs"},
    {"unit_price",
     "unit price|unit cost|price per unit|rate "
     "price|=price|=rate|einzelpreis|nettopreis|stuckpreis|prix "
     "unitaire|=stukprijs|=prezzo|precio"},
    {"amount",
     "line total|=amount|=total|total "
     "price|=gesamt|gesamtpreis|=betrag|nettowert|=montant|=bedrag|importo|importe|=sub "
     "total|extended price|=net amount"},
    {"tax", "=tax|=vat|=gst|tax rate|=adjust|=discount|mwst|=tva|=btw|=iva"},
    {"position", "=pos|=no|=sl no|=line|=ean|=gtin"},
});

std::string text_of(const PageView& page, const Row& row, const TableHeader& header,
                    const std::vector<FoundAmount>& amounts, std::string_view key) {
  std::string text;
  for (std::uint32_t i = row.tokens.first; i < row.tokens.last; ++i) {
    const bool in_amount = std::ranges::any_of(amounts, [&](const FoundAmount& found) {
      const Column* column = column_of(header, found.box);
      return i >= found.tokens.first && i < found.tokens.last && column != nullptr &&
             column->key != key;
    });
    const Column* column = column_of(header, page.cells[page.tokens[i].cell].box);
    const Column* own = column_of(header, page.tokens[i].box);
    if (in_amount ||
        ((column == nullptr || column->key != key) && (own == nullptr || own->key != key))) {
      continue;
    }
    text += text.empty() ? "" : " ";
    text += page.tokens[i].text;
  }
  return std::string(trim_marks(text));
}

// A row that begins with one of these ends the table.
bool is_total_row(const PageView& page, const Row& row) {
  const Range head{row.tokens.first, std::min(row.tokens.last, row.tokens.first + 4)};
  return has_phrase(page, head,
                    "subtotal|sub total|=total|total due|balance due|amount due|grand total|sales "
                    "tax|total net|nettobetrag|"
                    "zwischensumme|gesamtbetrag|summe|montant ht|totaal|totale|thank "
                    "you|=notes|shipping handling|=tax|=discount");
}

void add_items(const Reading& reading, Record& record) {
  for (const PageView& page : reading.pages) {
    for (const TableHeader& header : find_headers(page, kColumns, 2)) {
      if (!header.has("description") || (!header.has("amount") && !header.has("unit_price"))) {
        continue;
      }
      float last_bottom = page.rows[header.row].box.bottom;
      for (std::uint32_t r = header.row + 1; r < page.rows.size(); ++r) {
        const Row& row = page.rows[r];
        if (is_total_row(page, row) || row.box.top - last_bottom > 9 * page.em) {
          break;
        }
        const auto amounts = find_amounts(page, row.tokens, reading.mark);
        std::optional<double> quantity;
        std::optional<double> unit_price;
        std::optional<double> amount;
        for (const FoundAmount& found : amounts) {
          const Column* column = column_of(header, found.box);
          if (column == nullptr) {
            continue;
          }
          if (column->key == "quantity") {
            quantity = found.amount.value;
          } else if (column->key == "unit_price") {
            unit_price = found.amount.value;
          } else if (column->key == "amount") {
            amount = found.amount.value;
          }
        }
        const std::string description = text_of(page, row, header, amounts, "description");
        const auto value = [](const std::optional<double>& number) -> FieldValue {
          return number ? FieldValue(*number) : FieldValue();
        };
        if (count_letters(description) >= 2 && (amount || (unit_price && quantity))) {
          record.add("line_items[]", {{"description", scrub(description)},
                                      {"quantity", value(quantity)},
                                      {"unit_price", value(unit_price)},
                                      {"amount", value(amount)}});
          last_bottom = row.box.bottom;
        }
      }
      break;  // one table a page
    }
  }
}

}  // namespace

void extract_invoice(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  set_number(reading, record);
  set_dates(reading, record);
  set_vendor(reading, record);
  set_totals(record, find_totals(reading));
  add_items(reading, record);
}

}  // namespace headgate::documents
