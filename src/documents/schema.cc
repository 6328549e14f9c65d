#include "documents/schema.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/encoding.h"

namespace headgate::documents {

namespace {

constexpr std::array<std::string_view, kDocumentTypes> kNames{
    "W2",        "1099-INT",       "1099-DIV",
    "1099-MISC", "1099-NEC",       "1099-R",
    "1098",      "bank_statement", "credit_card_statement",
    "invoice",   "receipt",        "check",
    "other"};

constexpr std::array<FormBox, 6> kW2{{
    {"boxes.box1_wages",
     "wages tips other compensation|wages tips other comp|wages tips other|wages", "1"},
    {"boxes.box2_federal_withheld",
     "federal income tax withheld|fed income tax withheld|federal tax withheld", "2"},
    {"boxes.box3_ss_wages", "social security wages", "3"},
    {"boxes.box4_ss_withheld", "social security tax withheld|social security tax", "4"},
    {"boxes.box5_medicare_wages", "medicare wages and tips|medicare wages", "5"},
    {"boxes.box6_medicare_withheld", "medicare tax withheld|medicare tax", "6"},
}};

constexpr std::array<FormBox, 15> kInt{{
    {"amounts.box1_interest_income", "=interest income", "1"},
    {"amounts.box2_early_withdrawal_penalty", "early withdrawal penalty", "2"},
    {"amounts.box3_us_savings_bonds_and_treasury_interest", "interest on us savings bonds", "3"},
    {"amounts.box4_federal_income_tax_withheld", "federal income tax withheld", "4"},
    {"amounts.box5_investment_expenses", "investment expenses", "5"},
    {"amounts.box6_foreign_tax_paid", "foreign tax paid", "6"},
    {"amounts.box8_tax_exempt_interest", "=tax exempt interest", "8"},
    {"amounts.box9_private_activity_bond_interest", "specified private activity bond", "9"},
    {"amounts.box10_market_discount", "=market discount", "10"},
    {"amounts.box11_bond_premium", "=bond premium", "11"},
    {"amounts.box12_bond_premium_on_treasury_obligations", "bond premium on treasury", "12"},
    {"amounts.box13_bond_premium_on_tax_exempt_bond", "bond premium on tax exempt", "13"},
    {"amounts.box17_state_tax_withheld", "state tax withheld", "17"},
    {"amounts.box14_tax_exempt_bond_cusip_no", "tax exempt and tax credit", "14"},
    {"amounts.box7_foreign_country", "foreign country or us", "7"},
}};

constexpr std::array<FormBox, 19> kDiv{{
    {"amounts.box1a_ordinary_dividends", "total ordinary dividends", "1a"},
    {"amounts.box1b_qualified_dividends", "=qualified dividends", "1b"},
    {"amounts.box2a_total_capital_gain_distributions", "total capital gain distr", "2a"},
    {"amounts.box2b_unrecaptured_section_1250_gain",
     "unrecap sec 1250 gain|unrecaptured section 1250 gain", "2b"},
    {"amounts.box2c_section_1202_gain", "section 1202 gain", "2c"},
    {"amounts.box2d_collectibles_gain", "collectibles 28 gain|collectibles gain", "2d"},
    {"amounts.box2e_section_897_ordinary_dividends", "section 897 ordinary dividends", "2e"},
    {"amounts.box2f_section_897_capital_gain", "section 897 capital gain", "2f"},
    {"amounts.box3_nondividend_distributions", "nondividend distributions", "3"},
    {"amounts.box4_federal_income_tax_withheld", "federal income tax withheld", "4"},
    {"amounts.box5_section_199a_dividends", "section 199a dividends", "5"},
    {"amounts.box6_investment_expenses", "investment expenses", "6"},
    {"amounts.box7_foreign_tax_paid", "foreign tax paid", "7"},
    {"amounts.box9_cash_liquidation_distributions",
     "cash liquidation distributions|=cash liquidation", "9"},
    {"amounts.box10_noncash_liquidation_distributions",
     "noncash liquidation distributions|=noncash liquidation", "10"},
    {"amounts.box12_exempt_interest_dividends", "exempt interest dividends", "12"},
    {"amounts.box13_private_activity_bond_interest_dividends", "specified private activity", "13"},
    {"amounts.box16_state_tax_withheld", "state tax withheld", "16"},
    {"amounts.box8_foreign_country", "foreign country or us", "8"},
}};

constexpr std::array<FormBox, 15> kMisc{{
    {"amounts.box1_rents", "=rents", "1"},
    {"amounts.box2_royalties", "=royalties", "2"},
    {"amounts.box3_other_income", "=other income", "3"},
    {"amounts.box4_federal_income_tax_withheld", "federal income tax withheld", "4"},
    {"amounts.box5_fishing_boat_proceeds", "fishing boat proceeds", "5"},
    {"amounts.box6_medical_and_health_care_payments", "medical and health care", "6"},
    {"amounts.box8_substitute_payments", "substitute payments in lieu", "8"},
    {"amounts.box9_crop_insurance_proceeds", "crop insurance proceeds", "9"},
    {"amounts.box10_gross_proceeds_paid_to_an_attorney", "gross proceeds paid to an", "10"},
    {"amounts.box11_fish_purchased_for_resale", "fish purchased for resale", "11"},
    {"amounts.box12_section_409a_deferrals", "section 409a deferrals", "12"},
    {"amounts.box14_excess_golden_parachute_payments", "excess golden parachute", "14"},
    {"amounts.box15_nonqualified_deferred_compensation", "nonqualified deferred", "15"},
    {"amounts.box16_state_tax_withheld", "state tax withheld", "16"},
    {"amounts.box18_state_income", "=state income", "18"},
}};

constexpr std::array<FormBox, 5> kNec{{
    {"amounts.box1_nonemployee_compensation", "=nonemployee compensation", "1"},
    {"amounts.box3_excess_golden_parachute_payments", "excess golden parachute", "3"},
    {"amounts.box4_federal_income_tax_withheld", "federal income tax withheld", "4"},
    {"amounts.box5_state_tax_withheld", "state tax withheld", "5"},
    {"amounts.box7_state_income", "=state income", "7"},
}};

constexpr std::array<FormBox, 15> kR{{
    {"amounts.box1_gross_distribution", "gross distribution", "1"},
    {"amounts.box2a_taxable_amount", "=taxable amount", "2a"},
    {"amounts.box3_capital_gain", "capital gain included in|capital gain", "3"},
    {"amounts.box4_federal_income_tax_withheld", "federal income tax withheld|federal income tax",
     "4"},
    {"amounts.box5_employee_contributions", "employee contributions", "5"},
    {"amounts.box6_net_unrealized_appreciation", "net unrealized appreciation|net unrealized", "6"},
    {"amounts.box8_other", "=8 other", "8"},
    {"amounts.box9b_total_employee_contributions", "total employee contributions", "9b"},
    {"amounts.box10_allocable_to_irr", "amount allocable to irr", "10"},
    {"amounts.box14_state_tax_withheld", "state tax withheld", "14"},
    {"amounts.box16_state_distribution", "state distribution", "16"},
    {"amounts.box17_local_tax_withheld", "local tax withheld", "17"},
    {"amounts.box19_local_distribution", "local distribution", "19"},
    {"amounts.box7_distribution_code", "distribution codes|distribution code", "7"},
    {"amounts.box11_first_year_of_roth", "1st year of desig roth", "11"},
}};

constexpr std::array<FormBox, 6> kMortgage{{
    {"amounts.box1_mortgage_interest_received",
     "mortgage interest received from|mortgage interest received", "1"},
    {"amounts.box2_outstanding_mortgage_principal",
     "outstanding mortgage principal|outstanding mortgage", "2"},
    {"amounts.box4_refund_of_overpaid_interest", "refund of overpaid", "4"},
    {"amounts.box5_mortgage_insurance_premiums", "mortgage insurance premiums|mortgage insurance",
     "5"},
    {"amounts.box6_points_paid_on_purchase", "points paid on purchase", "6"},
    {"amounts.box10_other", "=10 other", "10"},
}};

constexpr auto kStatementSchema = std::to_array<std::string_view>(
    {"header.bank_name", "header.account_number", "header.account_type", "header.statement_period",
     "header.beginning_balance", "header.ending_balance", "transactions[]", "summary.total_credits",
     "summary.total_debits", "summary.net_change"});
constexpr auto kInvoiceSchema = std::to_array<std::string_view>(
    {"vendor.name", "vendor.address", "vendor.phone", "vendor.email", "invoice_number",
     "invoice_date", "due_date", "line_items[]", "subtotal", "tax", "total"});
constexpr auto kReceiptSchema =
    std::to_array<std::string_view>({"merchant.name", "merchant.address", "merchant.phone", "date",
                                     "items[]", "subtotal", "tax", "total"});
constexpr auto kCheckSchema = std::to_array<std::string_view>(
    {"payer", "payee", "date", "amount", "check_number", "routing_number", "account_number"});
constexpr auto kOtherSchema = std::to_array<std::string_view>(
    {"document_info.title", "document_info.date", "document_info.type", "entities.names[]",
     "entities.addresses[]", "entities.dates[]", "amounts[]", "raw_text"});

std::vector<std::string_view> with_boxes(std::vector<std::string_view> paths,
                                         std::span<const FormBox> boxes) {
  for (const FormBox& box : boxes) {
    if (!box.key.ends_with("_country") && !box.key.ends_with("cusip_no") &&
        !box.key.ends_with("_code") && !box.key.ends_with("of_roth")) {
      paths.push_back(box.key);
    }
  }
  return paths;
}

std::vector<std::string_view> form_1099(std::span<const FormBox> boxes) {
  return with_boxes({"tax_year", "payer.name", "payer.tin", "payer.address", "recipient.name",
                     "recipient.tin", "recipient.address"},
                    boxes);
}

}  // namespace

std::string_view name_of(DocumentType type) { return kNames[static_cast<std::size_t>(type)]; }

std::optional<DocumentType> parse_document_type(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (ascii_equal_ignore_case(kNames[i], name)) {
      return static_cast<DocumentType>(i);
    }
  }
  if (ascii_equal_ignore_case(name, "W-2")) {
    return DocumentType::W2;
  }
  return std::nullopt;
}

std::span<const FormBox> boxes_of(DocumentType type) {
  switch (type) {
    case DocumentType::W2:
      return kW2;
    case DocumentType::Form1099Int:
      return kInt;
    case DocumentType::Form1099Div:
      return kDiv;
    case DocumentType::Form1099Misc:
      return kMisc;
    case DocumentType::Form1099Nec:
      return kNec;
    case DocumentType::Form1099R:
      return kR;
    case DocumentType::Form1098:
      return kMortgage;
    default:
      return {};
  }
}

std::span<const std::string_view> schema_of(DocumentType type) {
  static const std::vector<std::string_view> w2 =
      with_boxes({"tax_year", "employer.ein", "employer.name", "employer.address", "employee.ssn",
                  "employee.name", "employee.address"},
                 kW2);
  static const std::vector<std::string_view> interest = form_1099(kInt);
  static const std::vector<std::string_view> dividends = form_1099(kDiv);
  static const std::vector<std::string_view> misc = form_1099(kMisc);
  static const std::vector<std::string_view> nec = form_1099(kNec);
  static const std::vector<std::string_view> retirement = form_1099(kR);
  static const std::vector<std::string_view> mortgage =
      with_boxes({"tax_year", "lender.name", "lender.tin", "lender.address", "borrower.name",
                  "borrower.tin", "borrower.address"},
                 kMortgage);
  switch (type) {
    case DocumentType::W2:
      return w2;
    case DocumentType::Form1099Int:
      return interest;
    case DocumentType::Form1099Div:
      return dividends;
    case DocumentType::Form1099Misc:
      return misc;
    case DocumentType::Form1099Nec:
      return nec;
    case DocumentType::Form1099R:
      return retirement;
    case DocumentType::Form1098:
      return mortgage;
    case DocumentType::BankStatement:
    case DocumentType::CreditCardStatement:
      return kStatementSchema;
    case DocumentType::Invoice:
      return kInvoiceSchema;
    case DocumentType::Receipt:
      return kReceiptSchema;
    case DocumentType::Check:
      return kCheckSchema;
    case DocumentType::Other:
      break;
  }
  return kOtherSchema;
}

}  // namespace headgate::documents
