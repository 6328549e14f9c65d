#pragma once

#include <optional>

#include "documents/extract_types.h"

namespace headgate::documents {

/// What an invoice or receipt adds up to.
struct Totals {
  std::optional<double> subtotal;
  std::optional<double> tax;
  std::optional<double> total;
  float subtotal_confidence = 0;
  float tax_confidence = 0;
  float total_confidence = 0;
};

/// The sums by their labels in several languages; of several totals the one that agrees with the
/// others (subtotal + tax, cash - change, sums said twice).
Totals find_totals(const Reading& reading);

/// Sets subtotal, tax and total of the record.
void set_totals(Record& record, const Totals& totals);

}  // namespace headgate::documents
