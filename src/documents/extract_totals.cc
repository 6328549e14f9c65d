#include "documents/extract_totals.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "documents/understand_label.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kTotalLabels = std::to_array<std::string_view>({
    "grand total|total amount due|total due|amount due|balance due|invoice total|total "
    "payable|amount payable|net payable|"
    "total to pay|total for this invoice|amount to pay|balance payable|total invoice amount|total "
    "amount payable|"
    "rechnungsbetrag|gesamtbetrag|zahlbetrag|bruttobetrag|endbetrag|gesamtsumme|rechnungssumme|"
    "total ttc|montant ttc|"
    "net a payer|total a payer|te betalen|totaal te betalen|totale fattura|totale "
    "documento|importe total|total factura|"
    "total general|total a pagar|valor total|total sales inclusive of gst|total sales "
    "inclusive|total inclusive|total incl|"
    "total after rounding|rounded total|total rounded|nett total|=nett|net total rm|total amt "
    "payable",
    "total amount|total rm|total usd|total eur|total gbp|total chf|=total sales|total incl "
    "tax|total inc gst|=gesamt|=summe|=totaal|=totale|=brutto|total payment",
    "=total|=totals",
    "=charges|=amount paid|=total paid|total pays|amount charged",
});

constexpr auto kSubtotalLabels = std::to_array<std::string_view>({
    "subtotal|sub total|zwischensumme|subtotaal|sous total|subtotale",
    "net total|net amount|total net|total excluding tax|total excl|total before tax|amount before "
    "tax|taxable amount|taxable value|"
    "nettobetrag|summe netto|gesamt netto|netto gesamt|total ht|montant ht|imponibile|base "
    "imponible|total sales excluding gst|nettosumme|netto summe",
});

constexpr auto kTaxLabels = std::to_array<std::string_view>({
    "total tax|sales tax|tax total|total vat|total gst|vat amount|gst amount|tax "
    "amount|mehrwertsteuer|umsatzsteuer|montant tva|total tva|btw bedrag|"
    "steuerbetrag|mwst betrag|gesamt mwst|importe iva",
    "=tax|=vat|=gst|=mwst|=ust|=tva|=btw|=iva|=hst|=service tax",
});

constexpr auto kNotTotal = std::to_array<std::string_view>(
    {"tax",  "vat",    "gst",      "qty",     "quantity", "discount",    "items",
     "item", "hours",  "saving",   "savings", "net",      "excl",        "excluding",
     "tva",  "mwst",   "ht",       "netto",   "before",   "units",       "points",
     "pcs",  "weight", "supplies", "disc",    "ust",      "transactions"});

bool is_other_total(const PageView& page, const PhraseHit& hit) {
  const std::string_view before = key_before(page, hit);
  const Token& first = page.tokens[hit.tokens.first];
  const bool same_cell = page.cells[first.cell].tokens.first < hit.tokens.first;
  if (same_cell && (before == "sub" || before == "line" || before == "tax" || before == "gst" ||
                    before == "vat")) {
    return true;
  }
  const std::uint32_t last = hit.tokens.last;
  const bool more = last < page.cells[first.cell].tokens.last;
  return more && one_of(kNotTotal, key_behind(page, hit));
}

bool is_tax_number(const PageView& page, const PhraseHit& hit) {
  const std::string_view behind = key_behind(page, hit);
  return behind == "rate" || behind == "id" || behind == "no" || behind == "number" ||
         behind == "reg" || behind == "invoice" || behind == "summary" || behind == "idnr" ||
         behind == "code" || behind == "year" || behind == "tin" || behind == "nr" ||
         behind == "date" || behind == "rm";
}

// Amounts given and returned at the till: their difference is the total.
std::optional<double> paid_less_change(const Reading& reading) {
  constexpr auto kPaid = std::to_array<std::string_view>(
      {"=cash|cash tendered|amount tendered|=tendered|=tunai|=paid|=bar"});
  constexpr auto kChange = std::to_array<std::string_view>({"=change|change due|=baki|ruckgeld"});
  const auto paid = labelled_amounts(reading.pages, reading.mark, kPaid);
  const auto change = labelled_amounts(reading.pages, reading.mark, kChange);
  if (paid.empty() || change.empty()) {
    return std::nullopt;
  }
  const double total = paid.back().value - change.back().value;
  return total > 0 ? std::optional(total) : std::nullopt;
}

const LabelledAmount* pick(const std::vector<LabelledAmount>& found) {
  const LabelledAmount* best = nullptr;
  for (const LabelledAmount& one : found) {
    // Of equal labels the last on the page: table columns come first, sums at the end.
    if (best == nullptr || one.rank == best->rank) {
      best = &one;
    }
  }
  return best;
}

// A label and its amount are one column's head and its first line, if more amounts follow below.
std::optional<double> summed_tax(const std::vector<LabelledAmount>& found, double wanted) {
  double sum = 0;
  for (const LabelledAmount& one : found) {
    if (same_money(one.value, wanted)) {
      return one.value;
    }
    sum += one.value;
  }
  return same_money(sum, wanted) ? std::optional(sum) : std::nullopt;
}

}  // namespace

Totals find_totals(const Reading& reading) {
  Totals totals;
  const auto all_totals =
      labelled_amounts(reading.pages, reading.mark, kTotalLabels, is_other_total);
  const auto subtotals =
      labelled_amounts(reading.pages, reading.mark, kSubtotalLabels, is_tax_number);
  const auto taxes = labelled_amounts(reading.pages, reading.mark, kTaxLabels, is_tax_number);
  const auto cash = paid_less_change(reading);

  const LabelledAmount* best = nullptr;
  float best_score = -1;
  for (std::size_t i = 0; i < all_totals.size(); ++i) {
    const LabelledAmount& one = all_totals[i];
    if (one.value <= 0) {
      continue;
    }
    float score = one.confidence + (one.rank == 0   ? 1.5F
                                    : one.rank == 1 ? 1.1F
                                    : one.rank == 2 ? 1.0F
                                                    : 0.3F);
    score += cash && same_money(*cash, one.value) ? 1.0F : 0.0F;
    const auto twice = std::ranges::count_if(all_totals, [&](const LabelledAmount& other) {
      return same_money(other.value, one.value);
    });
    score += twice > 1 ? 0.4F : 0.0F;
    for (const LabelledAmount& sub : subtotals) {
      const bool adds_up = std::ranges::any_of(taxes, [&](const LabelledAmount& tax) {
        return same_money(sub.value + tax.value, one.value);
      });
      score += adds_up ? 0.8F : 0.0F;
      score -= one.value < sub.value - 0.5 * std::abs(sub.value) ? 0.8F : 0.0F;
      if (adds_up) {
        break;
      }
    }
    // Later is more final.
    score += 0.02F * static_cast<float>(one.page) +
             0.3F * (one.box.bottom / reading.pages[one.page].height);
    if (score > best_score) {
      best_score = score;
      best = &one;
    }
  }
  if (best != nullptr) {
    totals.total = best->value;
    totals.total_confidence = best->confidence * (best_score > 2.6F ? 1.0F : 0.85F);
  } else if (cash) {
    totals.total = cash;
    totals.total_confidence = 0.6F;
  }
  if (const LabelledAmount* sub = pick(subtotals)) {
    totals.subtotal = sub->value;
    totals.subtotal_confidence = sub->confidence;
    for (const LabelledAmount& other : subtotals) {
      const bool agrees = totals.total && summed_tax(taxes, *totals.total - other.value);
      if (agrees && other.value > 0) {
        totals.subtotal = other.value;
        totals.subtotal_confidence = other.confidence;
        break;
      }
    }
  }
  if (const LabelledAmount* tax = pick(taxes)) {
    totals.tax = tax->value;
    totals.tax_confidence = 0.9F * tax->confidence;
  }
  if (totals.total && totals.subtotal) {
    if (const auto agreed = summed_tax(taxes, *totals.total - *totals.subtotal);
        agreed && !taxes.empty()) {
      totals.tax = agreed;
      totals.tax_confidence = totals.subtotal_confidence = totals.total_confidence = 0.97F;
    }
  }
  // A tax larger than the total is something else.
  if (totals.total && totals.tax && *totals.tax > *totals.total) {
    totals.tax.reset();
  }
  if (totals.total && totals.subtotal && *totals.subtotal > 3 * *totals.total) {
    totals.subtotal.reset();
  }
  return totals;
}

void set_totals(Record& record, const Totals& totals) {
  if (totals.subtotal) {
    record.set("subtotal", *totals.subtotal, totals.subtotal_confidence);
  }
  if (totals.tax) {
    record.set("tax", *totals.tax, totals.tax_confidence);
  }
  if (totals.total) {
    record.set("total", *totals.total, totals.total_confidence);
  }
}

}  // namespace headgate::documents
