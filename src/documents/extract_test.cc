#include "documents/extract.h"

#include <limits>
#include <set>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "documents/classify.h"
#include "documents/ocr_output.h"
#include "documents/understand_page.h"
#include "documents/understand_testing.h"

namespace headgate::documents {

namespace {

namespace json = boost::json;
using testing::PageBuilder;

json::value data_of(const std::vector<model::PageReading>& pages, DocumentType type) {
  return json::parse(extract(pages, type).data_json);
}

std::string text_at(const json::value& data, std::string_view pointer) {
  const json::value& value = data.at_pointer(pointer);
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

double number_at(const json::value& data, std::string_view pointer) {
  const json::value& value = data.at_pointer(pointer);
  return value.is_null() ? -1 : value.to_number<double>();
}

TEST(Extract, ReadsEveryFieldOfAW2) {
  const json::value data = data_of(testing::sample_w2(), DocumentType::W2);
  EXPECT_EQ(number_at(data, "/tax_year"), 2024);
  EXPECT_EQ(text_at(data, "/employer/ein"), "12-3456789");
  EXPECT_EQ(text_at(data, "/employer/name"), "Blue Heron Logistics LLC");
  EXPECT_EQ(text_at(data, "/employer/address"), "900 Harbor Road, Duluth MN 55802");
  EXPECT_EQ(text_at(data, "/employee/ssn"), "***-**-4321");
  EXPECT_EQ(text_at(data, "/employee/name"), "Marta Lindqvist");
  EXPECT_EQ(text_at(data, "/employee/address"), "77 Birch Lane, Superior WI 54880");
  EXPECT_EQ(number_at(data, "/boxes/box1_wages"), 52340.18);
  EXPECT_EQ(number_at(data, "/boxes/box2_federal_withheld"), 6120.55);
  EXPECT_EQ(number_at(data, "/boxes/box3_ss_wages"), 54000);
  EXPECT_EQ(number_at(data, "/boxes/box4_ss_withheld"), 3348);
  EXPECT_EQ(number_at(data, "/boxes/box5_medicare_wages"), 54000);
  EXPECT_EQ(number_at(data, "/boxes/box6_medicare_withheld"), 783);
}

TEST(Extract, ReadsA1099) {
  const json::value data = data_of(testing::sample_1099_int(), DocumentType::Form1099Int);
  EXPECT_EQ(number_at(data, "/tax_year"), 2024);
  EXPECT_EQ(text_at(data, "/payer/name"), "First Prairie Savings Bank");
  EXPECT_EQ(text_at(data, "/payer/tin"), "**-***4321");
  EXPECT_EQ(text_at(data, "/recipient/name"), "Ola Brandt");
  EXPECT_EQ(text_at(data, "/recipient/tin"), "***-**-4329");
  EXPECT_EQ(text_at(data, "/recipient/address"), "9 Orchard Court, Ames, IA 50014");
  EXPECT_EQ(number_at(data, "/amounts/box1_interest_income"), 418.07);
  EXPECT_EQ(number_at(data, "/amounts/box4_federal_income_tax_withheld"), 41.8);
  EXPECT_TRUE(data.at_pointer("/amounts/box2_early_withdrawal_penalty").is_null())
      << "an empty box stays empty";
}

TEST(Extract, ReadsAnInvoice) {
  const json::value data = data_of(testing::sample_invoice(), DocumentType::Invoice);
  EXPECT_EQ(text_at(data, "/vendor/name"), "Northwind Paper Supply Inc.");
  EXPECT_EQ(text_at(data, "/vendor/address"), "12 Mill Street, Albany, NY 12207");
  EXPECT_EQ(text_at(data, "/vendor/phone"), "(518) 555-0142");
  EXPECT_EQ(text_at(data, "/invoice_number"), "NW-20417");
  EXPECT_EQ(text_at(data, "/invoice_date"), "2025-03-18");
  EXPECT_EQ(text_at(data, "/due_date"), "2025-04-17");
  EXPECT_EQ(number_at(data, "/subtotal"), 305);
  EXPECT_EQ(number_at(data, "/tax"), 24.4);
  EXPECT_EQ(number_at(data, "/total"), 329.4);
  const json::array& items = data.at_pointer("/line_items").as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(text_at(items[0], "/description"), "Copy paper A4, box");
  EXPECT_EQ(number_at(items[0], "/quantity"), 10);
  EXPECT_EQ(number_at(items[0], "/unit_price"), 24.5);
  EXPECT_EQ(number_at(items[0], "/amount"), 245);
}

TEST(Extract, TakesTheSumAtTheFootOfATotalsColumn) {
  const auto pages = PageBuilder()
                         .at(140, 100, "Rechnung", 40)
                         .at(200, 1000, "Nettobetrag")
                         .at(600, 1000, "MwSt-Betrag")
                         .at(1000, 1000, "Endbetrag")
                         .at(200, 1040, "100,00")
                         .at(600, 1040, "19,00")
                         .at(1000, 1040, "119,00")
                         .at(200, 1080, "200,00")
                         .at(600, 1080, "14,00")
                         .at(1000, 1080, "214,00")
                         .at(200, 1120, "300,00")
                         .at(600, 1120, "33,00")
                         .at(1000, 1120, "333,00")
                         .pages();
  EXPECT_EQ(number_at(data_of(pages, DocumentType::Invoice), "/total"), 333);
}

TEST(Extract, DoesNotTakeSubtotalsCountsOrTaxesForTheTotal) {
  const auto pages = PageBuilder(600, 1300)
                         .at(40, 400, "Sub Total")
                         .at(480, 400, "10.00")
                         .at(40, 440, "Total Qty: 3")
                         .at(40, 480, "Total GST")
                         .at(480, 480, "0.60")
                         .pages();
  EXPECT_EQ(number_at(data_of(pages, DocumentType::Receipt), "/total"), -1)
      << "null rather than wrong";
}

TEST(Extract, PaymentsToACardAreCredits) {
  const auto pages = PageBuilder()
                         .at(140, 100, "Harbor Bank Credit Card Statement", 36)
                         .at(140, 200, "Card Number: 4111 1111 1111 1111")
                         .at(140, 240, "Statement Period: 12/23/2024 - 01/22/2025")
                         .at(140, 280, "Previous Balance $100.00")
                         .at(140, 320, "New Balance $75.00")
                         .at(140, 400, "Date")
                         .at(400, 400, "Description")
                         .at(1000, 400, "Amount")
                         .at(140, 440, "12/26")
                         .at(400, 440, "PAYMENT THANK YOU")
                         .at(1000, 440, "-50.00")
                         .at(140, 480, "01/05")
                         .at(400, 480, "BOOKSTORE")
                         .at(1000, 480, "25.00")
                         .pages();
  EXPECT_EQ(classify(pages).type, DocumentType::CreditCardStatement);
  const json::value data = data_of(pages, DocumentType::CreditCardStatement);
  EXPECT_EQ(text_at(data, "/header/account_number"), "****1111");
  EXPECT_EQ(text_at(data, "/transactions/0/date"), "2024-12-26");
  EXPECT_EQ(number_at(data, "/transactions/0/amount"), 50);
  EXPECT_EQ(text_at(data, "/transactions/0/type"), "credit");
  EXPECT_EQ(text_at(data, "/transactions/1/date"), "2025-01-05");
  EXPECT_EQ(data.at_pointer("/transactions/1/amount").to_number<double>(), -25);
}

TEST(Extract, ReadsABankStatement) {
  const json::value data = data_of(testing::sample_bank_statement(), DocumentType::BankStatement);
  EXPECT_EQ(text_at(data, "/header/bank_name"), "Lakeshore Community Bank");
  EXPECT_EQ(text_at(data, "/header/account_number"), "****9935");
  EXPECT_EQ(text_at(data, "/header/statement_period"), "2025-01-01 - 2025-01-31");
  EXPECT_EQ(number_at(data, "/header/beginning_balance"), 1200);
  EXPECT_EQ(number_at(data, "/header/ending_balance"), 2134.5);
  const json::array& transactions = data.at_pointer("/transactions").as_array();
  ASSERT_EQ(transactions.size(), 2U);
  EXPECT_EQ(text_at(transactions[0], "/date"), "2025-01-03");
  EXPECT_EQ(text_at(transactions[0], "/description"), "CARD PURCHASE GROCER");
  EXPECT_EQ(transactions[0].at("amount").to_number<double>(), -65.5);
  EXPECT_EQ(text_at(transactions[0], "/type"), "debit");
  EXPECT_EQ(number_at(transactions[1], "/amount"), 1000);
  EXPECT_EQ(text_at(transactions[1], "/type"), "credit");
  EXPECT_EQ(number_at(data, "/summary/total_credits"), 1000);
  EXPECT_EQ(number_at(data, "/summary/total_debits"), 65.5);
  EXPECT_EQ(number_at(data, "/summary/net_change"), 934.5);
}

TEST(Extract, ReadsAReceipt) {
  const json::value data = data_of(testing::sample_receipt(), DocumentType::Receipt);
  EXPECT_EQ(text_at(data, "/merchant/name"), "CORNER GARDEN MARKET");
  EXPECT_EQ(text_at(data, "/merchant/address"), "418 Elm Street Portland, OR 97205");
  EXPECT_EQ(text_at(data, "/merchant/phone"), "503-555-0188");
  EXPECT_EQ(text_at(data, "/date"), "2025-02-27");
  EXPECT_EQ(number_at(data, "/subtotal"), 19.5);
  EXPECT_EQ(number_at(data, "/tax"), 1.56);
  EXPECT_EQ(number_at(data, "/total"), 21.06);
  ASSERT_EQ(data.at_pointer("/items").as_array().size(), 2U);
}

TEST(Extract, ReadsACheck) {
  const auto pages = PageBuilder(1200, 520)
                         .at(40, 30, "Nora Feld")
                         .at(1080, 30, "1042")
                         .at(800, 90, "Date: 05/06/2025")
                         .at(40, 170, "Pay to the order of Green Valley Dairy")
                         .at(1000, 170, "$ 86.20")
                         .at(60, 470, "021000021 004477889 1042")
                         .pages();
  EXPECT_EQ(classify(pages).type, DocumentType::Check);
  const Extraction found = extract(pages, DocumentType::Check);
  const json::value data = json::parse(found.data_json);
  EXPECT_EQ(text_at(data, "/payee"), "Green Valley Dairy");
  EXPECT_EQ(text_at(data, "/date"), "2025-05-06");
  EXPECT_EQ(number_at(data, "/amount"), 86.2);
  EXPECT_EQ(text_at(data, "/check_number"), "1042");
  EXPECT_EQ(text_at(data, "/routing_number"), "021000021");
  EXPECT_EQ(text_at(data, "/account_number"), "****7889");
  EXPECT_EQ(found.raw_text.find("004477889"), std::string::npos)
      << "the account number is masked in the text too";
}

TEST(Extract, MasksPersonalNumbersEverywhere) {
  const Extraction w2 = extract(testing::sample_w2(), DocumentType::W2);
  EXPECT_EQ((w2.data_json + w2.raw_text).find("987-65-4321"), std::string::npos);
  const Extraction form = extract(testing::sample_1099_int(), DocumentType::Form1099Int);
  EXPECT_EQ((form.data_json + form.raw_text).find("987-65-4329"), std::string::npos);
  EXPECT_EQ(form.raw_text.find("77120045"), std::string::npos);
  const Extraction other = extract(testing::sample_bank_statement(), DocumentType::Other);
  EXPECT_EQ((other.data_json + other.raw_text).find("0047 1182 9935"), std::string::npos);
}

TEST(Extract, WritesEveryKeyOfTheSchemaOfEveryType) {
  for (std::size_t i = 0; i < kDocumentTypes; ++i) {
    const auto type = static_cast<DocumentType>(i);
    const json::value data = data_of({}, type);
    for (const std::string_view path : schema_of(type)) {
      std::string pointer = "/" + std::string(path);
      for (char& c : pointer) {
        c = c == '.' ? '/' : c;
      }
      const bool list = pointer.ends_with("[]");
      pointer.resize(pointer.size() - (list ? 2 : 0));
      boost::system::error_code error;
      const json::value* value = data.find_pointer(pointer, error);
      ASSERT_NE(value, nullptr) << name_of(type) << pointer;
      EXPECT_TRUE(list ? value->is_array() : value->is_null() || pointer.ends_with("type"))
          << pointer;
    }
    EXPECT_EQ(parse_document_type(name_of(type)), type);
  }
}

TEST(Extract, LeavesBlankFormsBlank) {
  auto pages = PageBuilder()
                   .at(116, 170, "b Employer identification number (EIN)")
                   .at(940, 170, "1 Wages, tips, other compensation")
                   .at(1400, 170, "2 Federal income tax withheld")
                   .at(940, 236, "3 Social security wages")
                   .at(1400, 236, "4 Social security tax withheld")
                   .at(940, 304, "5 Medicare wages and tips")
                   .at(1400, 304, "6 Medicare tax withheld")
                   .at(160, 932, "W-2 Wage and Tax Statement", 30)
                   .pages();
  const json::value data = data_of(pages, DocumentType::W2);
  for (const auto& [key, value] : data.at("boxes").as_object()) {
    EXPECT_TRUE(value.is_null()) << key << " is " << value
                                 << ": the number of a box is not its value";
  }
}

TEST(Extract, SurvivesAbsurdBoxes) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  model::PageReading page;
  page.width = kNan;
  page.height = -kInf;
  for (const model::Box& box : {model::Box{kNan, 0, 1, 1}, model::Box{0, 0, kInf, 1},
                                model::Box{-1e30F, -1e30F, 1e30F, 1e30F}, model::Box{5, 5, 1, 1},
                                model::Box{0, 0, 0, 0}, model::Box{-10, -10, 20, 5}}) {
    page.lines.push_back({{{"Total", box, kNan}, {"$5.00", box, 7}}, box, 0});
  }
  const std::vector<model::PageReading> pages{page};
  EXPECT_FALSE(classify(pages).reasoning.empty());
  for (std::size_t i = 0; i < kDocumentTypes; ++i) {
    EXPECT_TRUE(data_of(pages, static_cast<DocumentType>(i)).is_object());
  }
  EXPECT_TRUE(json::parse(pages_as_json(pages)).is_object());
  EXPECT_TRUE(json::parse(pages_as_layout(pages)).is_object());
}

TEST(Extract, LooksAtABoundedNumberOfWords) {
  PageBuilder builder;
  const std::vector<model::PageReading> one = testing::sample_invoice();
  model::PageReading page = one[0];
  while (page.lines.size() < 50'000) {
    page.lines.push_back(page.lines[page.lines.size() % 20]);
  }
  const std::vector<model::PageReading> pages(3, page);
  std::size_t words = 0;
  for (const PageView& view : view_pages(pages)) {
    words += view.tokens.size();
  }
  EXPECT_LE(words, 2 * 3 * kMaxWordsPerPage);
  EXPECT_TRUE(data_of(pages, DocumentType::Invoice).is_object());
}

TEST(OcrOutput, ShowsTablesAsTables) {
  const std::string markdown = pages_as_markdown(testing::sample_invoice());
  EXPECT_NE(markdown.find("| Description | Qty | Unit Price | Amount |"), std::string::npos)
      << markdown;
  EXPECT_NE(markdown.find("| --- |"), std::string::npos);
}

TEST(OcrOutput, GivesWordsWithBoxes) {
  const json::value data = json::parse(pages_as_json(testing::sample_receipt()));
  const json::value& word = data.at_pointer("/pages/0/lines/0/words/0");
  EXPECT_EQ(text_at(word, "/text"), "CORNER");
  EXPECT_EQ(word.at("bbox").as_array().size(), 4U);
  EXPECT_EQ(text_at(data, "/pages/0/source"), "text_layer");
  std::set<std::string> categories;
  const json::value layout = json::parse(pages_as_layout(testing::sample_receipt()));
  for (const json::value& element : layout.at("layout_elements").as_array()) {
    categories.insert(text_at(element, "/category"));
  }
  EXPECT_TRUE(categories.contains("Table"));
  EXPECT_TRUE(categories.contains("Text"));
}

}  // namespace

}  // namespace headgate::documents
