// W-2, 1099 and 1098: numbered boxes and two parties. The labels of all boxes are looked for, also
// of those no one asks for, because each label bounds the cells around it.
#include <array>
#include <cmath>

#include "documents/extract_form.h"
#include "documents/mask.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kW2Labels = std::to_array<FormLabel>({
    {"ssn",
     "employees social security number|employee social security number|employees soc sec "
     "number|employees ssn|employee ssn|employees sociai security number",
     "a"},
    {"ein",
     "employer identification number ein|employer identification number|employers identification "
     "number|employers federal id number|employers fed id number|employer id number|federal "
     "ein|employer ein",
     "b"},
    {"employer",
     "employers name address and zip code|employers name address|employers name|employer name "
     "address|employer name",
     "c"},
    {"control", "control number", "d"},
    {"employee",
     "employees first name and initial|employees name address and zip code|employees first "
     "name|employees name|employee name",
     "e"},
    {"employee_address", "employees address and zip code|employees address|employee address", "f"},
    {"", "social security tips", "7"},
    {"", "allocated tips", "8"},
    {"", "verification code", "9"},
    {"", "dependent care benefits", "10"},
    {"", "nonqualified plans", "11"},
    {"", "see instructions for box 12|see instrs for box 12", "12a"},
    {"", "statutory employee|=statutory", "13"},
    {"", "=14 other", ""},
    {"", "=12b", ""},
    {"", "=12c", ""},
    {"", "=12d", ""},
    {"", "employers state id number|state employers state id|employers state id", "15"},
    {"", "state wages tips", "16"},
    {"", "state income tax", "17"},
    {"", "local wages tips", "18"},
    {"", "local income tax", "19"},
    {"", "locality name", "20"},
    {"", "wage and tax statement", ""},
    {"", "omb no 1545", ""},
    {"",
     "this information is being furnished|safe accurate|visit the irs website|for official use "
     "only|are required to file a tax",
     ""},
    {"", "department of the treasury", ""},
    {"", "copy a for|copy b to be|copy c for|copy d for|copy 1 for|copy 2 to be", ""},
});

constexpr auto kPartyLabels = std::to_array<FormLabel>({
    {"payer",
     "payers name street address city or town state or province country zip|payers name street "
     "address city or town state or province|payers name street address city or town|payers name "
     "street address city|payers name street address|payers name",
     ""},
    {"recipient",
     "recipients name street address city or town|recipients name street address|recipients name",
     ""},
    {"street", "street address including apt no|street address", ""},
    {"city",
     "city or town state or province country and zip or foreign postal code|city or town state or "
     "province country|city or town state or province|city state and zip code|city or town",
     ""},
    {"payer_tin",
     "payers tin|payers federal identification number|payers federal identification|payers "
     "identification number|payers federal id number|payers fed id no",
     ""},
    {"recipient_tin",
     "recipients tin|recipients identification number|recipients identification|recipients "
     "ssn|recipients social security",
     ""},
    {"account", "account number see instructions|account number", ""},
    {"", "fatca filing|2nd tin not|2nd tin", ""},
    {"", "omb no 1545", ""},
    {"", "=void", ""},
    {"", "=corrected if checked|=corrected", ""},
    {"", "for calendar year|for calendar", ""},
    {"", "department of the treasury", ""},
    {"", "copy a|copy b|copy c|copy 1|copy 2", ""},
    {"",
     "this is important tax|for privacy act|for internal revenue|=for recipient|for payer|for "
     "state tax",
     ""},
    {"", "payer made direct sales|payers rtn", ""},
    {"", "payers state no|payers state|state payers state no|=state no|state identification", ""},
    {"", "state tax withheld", ""},
    {"", "state distribution|state income", ""},
    {"", "date of payment", ""},
    {"", "tax exempt bond cusip|cusip no", ""},
    {"", "taxable amount not determined", ""},
    {"", "ira sep simple", ""},
    {"", "total distribution", ""},
    {"", "your percentage of total|percentage of total", ""},
});

constexpr auto kMortgageLabels = std::to_array<FormLabel>({
    {"lender",
     "recipients lenders name street address city or town state or province|recipients lenders "
     "name street address city or town|recipients lenders name street address|recipients lenders "
     "name|lenders name",
     ""},
    {"borrower", "payers borrowers name street address|payers borrowers name|borrowers name", ""},
    {"street", "street address including apt no", ""},
    {"city",
     "city or town state or province country and zip or foreign postal code|city or town state or "
     "province country|city or town state or province",
     ""},
    {"lender_tin",
     "recipients lenders tin|recipients lenders federal identification|recipients federal "
     "identification|lenders tin",
     ""},
    {"borrower_tin",
     "payers borrowers tin|payers borrowers social security|payers social security|borrowers tin",
     ""},
    {"account", "account number see instructions|account number", ""},
    {"", "=omb no 1545|omb no", ""},
    {"", "=void", ""},
    {"", "=corrected if checked|=corrected", ""},
    {"", "mortgage origination date", "3"},
    {"", "address or description of property", "8"},
    {"", "if address of property securing|is the address of property|if property securing", "7"},
    {"", "number of properties|number of mortgaged properties", "9"},
    {"", "mortgage acquisition", "11"},
    {"", "department of the treasury", ""},
    {"", "the amount shown may not|caution", ""},
    {"", "copy a|copy b|copy c|for payer borrower", ""},
    {"", "the information in boxes|for internal revenue", ""},
    {"", "form 1098", ""},
});

template <std::size_t Size>
std::vector<FormLabel> with_boxes(const std::array<FormLabel, Size>& labels, DocumentType type) {
  std::vector<FormLabel> all(labels.begin(), labels.end());
  for (const FormBox& box : boxes_of(type)) {
    all.push_back({box.key, box.label, box.number});
  }
  return all;
}

void set_year(Record& record, const FormReader& form, std::string_view title) {
  if (const auto year = form.year(title)) {
    record.set("tax_year", year->value, year->confidence);
  }
}

// Box `part` should be `rate` times box `whole`: raises or lowers both.
void check_rate(Record& record, std::string_view whole, std::string_view part, double rate) {
  const auto base = record.number(whole);
  const auto tax = record.number(part);
  if (!base || !tax || *base <= 0) {
    return;
  }
  const bool agrees = std::abs(*base * rate - *tax) <= std::max(1.0, 0.01 * *tax);
  record.adjust(whole, agrees ? 1.05F : 0.85F);
  record.adjust(part, agrees ? 1.05F : 0.85F);
}

void set_masked_tin(Findings& findings, std::string_view path,
                    const std::optional<Reliable<std::string>>& tin) {
  if (!tin) {
    return;
  }
  findings.secrets.push_back(only_digits(tin->value));
  findings.record.set(path, mask_tin(tin->value), tin->confidence);
}

void add_account_secret(Findings& findings, const FormReader& form) {
  if (const auto lines = form.lines("account")) {
    for (const std::string& line : lines->value) {
      findings.secrets.push_back(only_digits(line));
    }
  }
}

// The recipient's address stands in its own cells on official forms, below the name on others.
std::optional<Reliable<std::vector<std::string>>> with_address_cells(
    const FormReader& form, std::optional<Reliable<std::vector<std::string>>> lines) {
  if (!lines) {
    return lines;
  }
  for (const std::string_view key : {"street", "city"}) {
    if (const auto more = form.lines(key)) {
      lines->value.insert(
          lines->value.end(), more->value.begin(),
          more->value.begin() + std::min<std::ptrdiff_t>(2, std::ssize(more->value)));
    }
  }
  return lines;
}

}  // namespace

void extract_w2(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  const FormReader form(reading, with_boxes(kW2Labels, DocumentType::W2));
  set_year(record, form, "wage and tax statement|form w 2");
  set_boxes(record, form);
  auto ein = form.tin("ein", TinShape::Employer);
  if (!ein) {
    ein = form.tin_anywhere(TinShape::Employer);
  }
  if (ein) {
    record.set("employer.ein", ein->value, ein->confidence);
  }
  auto ssn = form.tin("ssn", TinShape::Social);
  if (!ssn) {
    ssn = form.tin_anywhere(TinShape::Social);
  }
  set_masked_tin(findings, "employee.ssn", ssn);
  set_party(record, {"employer.name", "employer.address"}, form.lines("employer"));
  auto employee = form.lines("employee");
  if (const auto address = form.lines("employee_address");
      employee && address && employee->value.size() == 1) {
    employee->value.insert(employee->value.end(), address->value.begin(), address->value.end());
  }
  set_party(record, {"employee.name", "employee.address"}, employee);
  check_rate(record, "boxes.box3_ss_wages", "boxes.box4_ss_withheld", 0.062);
  check_rate(record, "boxes.box5_medicare_wages", "boxes.box6_medicare_withheld", 0.0145);
}

void extract_1099(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  const FormReader form(reading, with_boxes(kPartyLabels, record.type()));
  set_year(record, form,
           "=1099|form 1099|interest income|dividends and distributions|miscellaneous "
           "information|miscellaneous income|nonemployee compensation|distributions from pensions");
  set_boxes(record, form);
  set_masked_tin(findings, "payer.tin", form.tin("payer_tin", TinShape::Any));
  set_masked_tin(findings, "recipient.tin", form.tin("recipient_tin", TinShape::Any));
  set_party(record, {"payer.name", "payer.address"}, form.lines("payer"));
  set_party(record, {"recipient.name", "recipient.address"},
            with_address_cells(form, form.lines("recipient")));
  add_account_secret(findings, form);
}

void extract_1098(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  const FormReader form(reading, with_boxes(kMortgageLabels, DocumentType::Form1098));
  set_year(record, form, "mortgage interest statement|form 1098");
  set_boxes(record, form);
  set_masked_tin(findings, "lender.tin", form.tin("lender_tin", TinShape::Any));
  set_masked_tin(findings, "borrower.tin", form.tin("borrower_tin", TinShape::Any));
  set_party(record, {"lender.name", "lender.address"}, form.lines("lender"));
  set_party(record, {"borrower.name", "borrower.address"},
            with_address_cells(form, form.lines("borrower")));
  add_account_secret(findings, form);
}

}  // namespace headgate::documents
