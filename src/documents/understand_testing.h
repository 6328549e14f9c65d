#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "documents/understand_text.h"
#include "model/document.h"

namespace headgate::documents::testing {

/// Builds a page out of texts at positions, as a reader would have found them. For tests.
class PageBuilder final {
 public:
  explicit PageBuilder(float width = 1700, float height = 2200) {
    page_.width = width;
    page_.height = height;
    page_.confidence = 1;
    page_.source = model::PageReading::Source::TextLayer;
  }

  /// Puts `text` with its left upper corner at (x, y), letters `height` pixels high.
  PageBuilder& at(float x, float y, std::string_view text, float height = 24) {
    model::Line line;
    const float letter = 0.55F * height;
    float left = x;
    for (const std::string_view word : split(text, ' ')) {
      if (!word.empty()) {
        const float right = left + letter * static_cast<float>(word.size());
        line.words.push_back({std::string(word), {left, y, right, y + height}, 1});
        left = right;
      }
      left += 0.5F * letter;
    }
    if (!line.words.empty()) {
      line.box = {x, y, line.words.back().box.right, y + height};
      page_.lines.push_back(std::move(line));
    }
    return *this;
  }

  std::vector<model::PageReading> pages() const { return {page_}; }
  const model::PageReading& page() const { return page_; }

 private:
  model::PageReading page_;
};

/// A filled W-2 in the official order of boxes.
inline std::vector<model::PageReading> sample_w2() {
  return PageBuilder()
      .at(440, 100, "a Employee’s social security number")
      .at(484, 130, "987-65-4321")
      .at(800, 130, "OMB No. 1545-0008")
      .at(116, 170, "b Employer identification number (EIN)")
      .at(940, 170, "1 Wages, tips, other compensation")
      .at(1400, 170, "2 Federal income tax withheld")
      .at(202, 200, "12-3456789")
      .at(1060, 200, "52,340.18")
      .at(1460, 200, "6,120.55")
      .at(116, 236, "c Employer’s name, address, and ZIP code")
      .at(940, 236, "3 Social security wages")
      .at(1400, 236, "4 Social security tax withheld")
      .at(202, 262, "Blue Heron Logistics LLC")
      .at(1060, 262, "54,000.00")
      .at(1460, 262, "3,348.00")
      .at(202, 296, "900 Harbor Road")
      .at(940, 304, "5 Medicare wages and tips")
      .at(1400, 304, "6 Medicare tax withheld")
      .at(202, 330, "Duluth MN 55802")
      .at(1060, 330, "54,000.00")
      .at(1460, 330, "783.00")
      .at(116, 436, "d Control number")
      .at(116, 503, "e Employee’s first name and initial")
      .at(600, 503, "Last name")
      .at(203, 530, "Marta")
      .at(600, 530, "Lindqvist")
      .at(203, 570, "77 Birch Lane")
      .at(203, 600, "Superior WI 54880")
      .at(116, 770, "f Employee’s address and ZIP code")
      .at(160, 932, "W-2 Wage and Tax Statement", 30)
      .at(794, 932, "2024", 40)
      .pages();
}

/// A plain invoice with three lines, a tax and a due date.
inline std::vector<model::PageReading> sample_invoice() {
  return PageBuilder()
      .at(140, 120, "Northwind Paper Supply Inc.", 34)
      .at(140, 170, "12 Mill Street")
      .at(140, 200, "Albany, NY 12207")
      .at(140, 230, "Phone: (518) 555-0142")
      .at(1300, 120, "INVOICE", 44)
      .at(1100, 220, "Invoice Number:")
      .at(1400, 220, "NW-20417")
      .at(1100, 260, "Invoice Date:")
      .at(1400, 260, "03/18/2025")
      .at(1100, 300, "Due Date:")
      .at(1400, 300, "04/17/2025")
      .at(140, 380, "Bill To:")
      .at(140, 410, "Harbor Print Studio")
      .at(140, 600, "Description")
      .at(800, 600, "Qty")
      .at(1000, 600, "Unit Price")
      .at(1400, 600, "Amount")
      .at(140, 650, "Copy paper A4, box")
      .at(800, 650, "10")
      .at(1000, 650, "24.50")
      .at(1400, 650, "245.00")
      .at(140, 700, "Envelopes C5")
      .at(800, 700, "4")
      .at(1000, 700, "15.00")
      .at(1400, 700, "60.00")
      .at(1000, 800, "Subtotal")
      .at(1400, 800, "305.00")
      .at(1000, 840, "Tax (8%)")
      .at(1400, 840, "24.40")
      .at(1000, 880, "Total Due")
      .at(1400, 880, "$329.40")
      .pages();
}

inline std::vector<model::PageReading> sample_bank_statement() {
  return PageBuilder()
      .at(140, 100, "Lakeshore Community Bank", 36)
      .at(140, 200, "Account Statement", 30)
      .at(140, 260, "Account Number: 0047 1182 9935")
      .at(140, 300, "Statement Period: 01/01/2025 to 01/31/2025")
      .at(140, 340, "Beginning Balance: $1,200.00")
      .at(140, 380, "Ending Balance: $2,134.50")
      .at(140, 500, "Date")
      .at(400, 500, "Description")
      .at(900, 500, "Withdrawals")
      .at(1150, 500, "Deposits")
      .at(1400, 500, "Balance")
      .at(140, 540, "01/03")
      .at(400, 540, "CARD PURCHASE GROCER")
      .at(950, 540, "65.50")
      .at(1400, 540, "1,134.50")
      .at(140, 580, "01/15")
      .at(400, 580, "PAYROLL")
      .at(1160, 580, "1,000.00")
      .at(1400, 580, "2,134.50")
      .pages();
}

inline std::vector<model::PageReading> sample_receipt() {
  return PageBuilder(600, 1300)
      .at(120, 60, "CORNER GARDEN MARKET", 30)
      .at(120, 110, "418 Elm Street")
      .at(120, 140, "Portland, OR 97205")
      .at(120, 170, "Tel: 503-555-0188")
      .at(40, 260, "Date: 02/27/2025 14:32")
      .at(40, 330, "2 Tomato seedlings")
      .at(480, 330, "7.00")
      .at(40, 370, "1 Potting soil")
      .at(480, 370, "12.50")
      .at(40, 430, "SUBTOTAL")
      .at(480, 430, "19.50")
      .at(40, 470, "TAX")
      .at(480, 470, "1.56")
      .at(40, 510, "TOTAL")
      .at(480, 510, "21.06")
      .at(40, 550, "CASH")
      .at(480, 550, "25.00")
      .at(40, 590, "CHANGE")
      .at(480, 590, "3.94")
      .at(120, 680, "Thank you!")
      .pages();
}

inline std::vector<model::PageReading> sample_1099_int() {
  return PageBuilder()
      .at(150, 102, "PAYER’S name, street address, city or town, state or province, country, ZIP",
          20)
      .at(1150, 102, "OMB No. 1545-0112")
      .at(150, 150, "First Prairie Savings Bank")
      .at(150, 180, "55 Main Street")
      .at(150, 210, "Ames IA 50010")
      .at(1167, 160, "2024", 40)
      .at(836, 195, "1 Interest income")
      .at(824, 260, "$")
      .at(1026, 260, "418.07")
      .at(1155, 260, "Form 1099-INT")
      .at(836, 303, "2 Early withdrawal penalty")
      .at(150, 365, "PAYER’S TIN")
      .at(491, 365, "RECIPIENT’S TIN")
      .at(836, 403, "3 Interest on U.S. Savings Bonds and Treas. obligations", 20)
      .at(250, 433, "98-7654321")
      .at(587, 433, "987-65-4329")
      .at(150, 501, "RECIPIENT’S name")
      .at(836, 501, "4 Federal income tax withheld")
      .at(1200, 501, "5 Investment expenses")
      .at(836, 530, "$ 41.80")
      .at(150, 550, "Ola Brandt")
      .at(150, 598, "Street address (including apt. no.)")
      .at(150, 650, "9 Orchard Court")
      .at(150, 698, "City or town, state or province, country, and ZIP or foreign postal code", 20)
      .at(150, 750, "Ames, IA 50014")
      .at(150, 903, "Account number (see instructions)")
      .at(150, 940, "77120045")
      .pages();
}

}  // namespace headgate::documents::testing
