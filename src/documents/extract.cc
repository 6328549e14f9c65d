#include "documents/extract.h"

#include <algorithm>

#include "documents/extract_types.h"
#include "documents/mask.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxRawText = 200'000;  // bytes

Reading read(std::span<const model::PageReading> pages) {
  Reading reading;
  reading.pages = view_pages(pages);
  reading.mark = infer_decimal_mark(reading.pages);
  reading.order = infer_day_order(reading.pages);
  return reading;
}

void run(const Reading& reading, Findings& findings) {
  using enum DocumentType;
  switch (findings.record.type()) {
    case W2:
      return extract_w2(reading, findings);
    case Form1099Int:
    case Form1099Div:
    case Form1099Misc:
    case Form1099Nec:
    case Form1099R:
      return extract_1099(reading, findings);
    case Form1098:
      return extract_1098(reading, findings);
    case BankStatement:
    case CreditCardStatement:
      return extract_statement(reading, findings);
    case Invoice:
      return extract_invoice(reading, findings);
    case Receipt:
      return extract_receipt(reading, findings);
    case Check:
      return extract_check(reading, findings);
    case Other:
      return extract_other(reading, findings);
  }
}

// Fields without which a document of the type is not read; null ones weigh on the confidence.
std::vector<std::string_view> essential(DocumentType type) {
  using enum DocumentType;
  switch (type) {
    case W2:
      return {"tax_year", "employer.name", "employee.name", "boxes.box1_wages",
              "boxes.box2_federal_withheld"};
    case Form1098:
      return {"tax_year", "lender.name", "borrower.name", boxes_of(type)[0].key};
    case BankStatement:
    case CreditCardStatement:
      return {"header.bank_name", "header.account_number", "header.statement_period",
              "header.ending_balance"};
    case Invoice:
      return {"vendor.name", "invoice_number", "invoice_date", "total"};
    case Receipt:
      return {"merchant.name", "date", "total"};
    case Check:
      return {"payee", "date", "amount"};
    case Other:
      return {"raw_text"};
    default:
      return {"tax_year", "payer.name", "recipient.name"};
  }
}

double confidence_of(const Record& record) {
  double sum = 0;
  double weight = 0;
  for (const std::string_view path : essential(record.type())) {
    const auto found = record.fields().find(path);
    sum += found == record.fields().end() ? 0.0 : found->second.confidence;
    weight += 1;
  }
  for (const auto& [path, field] : record.fields()) {
    sum += 0.5 * field.confidence;
    weight += 0.5;
  }
  return weight > 0 ? std::clamp(sum / weight, 0.0, 1.0) : 0;
}

std::string raw_text_of(const Reading& reading) {
  std::string text;
  for (const PageView& page : reading.pages) {
    text += text.empty() ? "" : "\n";
    for (const Row& row : page.rows) {
      text += page.text(row);
      text += '\n';
      if (text.size() > kMaxRawText) {
        return std::string(clip(text, kMaxRawText));
      }
    }
  }
  return text;
}

}  // namespace

Extraction extract(std::span<const model::PageReading> pages, DocumentType type) {
  const Reading reading = read(pages);
  Findings findings{Record(type), {}};
  run(reading, findings);
  Extraction extraction;
  extraction.type = type;
  extraction.raw_text = scrub(raw_text_of(reading), findings.secrets);
  if (type == DocumentType::Other) {
    constexpr std::size_t kMaxShown = 5'000;  // bytes, as the documents this follows
    findings.record.set("raw_text", std::string(clip(extraction.raw_text, kMaxShown)), 0.9F);
  }
  extraction.data_json = findings.record.to_json();
  extraction.confidence = confidence_of(findings.record);
  for (const auto& [path, field] : findings.record.fields()) {
    extraction.fields.push_back({std::string(path), field.confidence});
  }
  return extraction;
}

}  // namespace headgate::documents
