#pragma once

#include <span>
#include <string>
#include <vector>

#include "documents/amounts.h"
#include "documents/dates.h"
#include "documents/fields.h"
#include "documents/understand_page.h"

namespace headgate::documents {

/// The document as the extractors see it.
struct Reading {
  std::vector<PageView> pages;
  DecimalMark mark = DecimalMark::Unknown;
  DayOrder order = DayOrder::Unknown;
};

/// What an extractor fills: the record, and account numbers (digits only) that must not be shown in
/// full anywhere.
struct Findings {
  Record record;
  std::vector<std::string> secrets;
};

void extract_w2(const Reading& reading, Findings& findings);
void extract_1099(const Reading& reading, Findings& findings);
void extract_1098(const Reading& reading, Findings& findings);
void extract_invoice(const Reading& reading, Findings& findings);
void extract_receipt(const Reading& reading, Findings& findings);
void extract_statement(const Reading& reading, Findings& findings);
void extract_check(const Reading& reading, Findings& findings);
void extract_other(const Reading& reading, Findings& findings);

}  // namespace headgate::documents
