#include "documents/classify.h"

#include <gtest/gtest.h>

#include "documents/understand_testing.h"

namespace headgate::documents {

namespace {

using testing::PageBuilder;

TEST(Classify, RecognisesTheSamples) {
  EXPECT_EQ(classify(testing::sample_w2()).type, DocumentType::W2);
  EXPECT_EQ(classify(testing::sample_1099_int()).type, DocumentType::Form1099Int);
  EXPECT_EQ(classify(testing::sample_invoice()).type, DocumentType::Invoice);
  EXPECT_EQ(classify(testing::sample_bank_statement()).type, DocumentType::BankStatement);
  EXPECT_EQ(classify(testing::sample_receipt()).type, DocumentType::Receipt);
}

TEST(Classify, NamesTheEvidence) {
  const Classification found = classify(testing::sample_w2());
  EXPECT_GT(found.confidence, 0.9);
  EXPECT_NE(found.reasoning.find("Wage and Tax Statement"), std::string::npos) << found.reasoning;
}

TEST(Classify, ForgivesMisreadLetters) {
  const auto pages = PageBuilder()
                         .at(160, 900, "Wage and Tex Staternent", 30)
                         .at(100, 100, "1 Wages, tips, othar compensation")
                         .at(900, 100, "4 Sacial security tax withheld")
                         .at(100, 300, "5 Medicare wages anb tips")
                         .pages();
  EXPECT_EQ(classify(pages).type, DocumentType::W2);
}

TEST(Classify, TellsFormsApartThatDifferInALetter) {
  const auto with_title = [](std::string_view title) {
    return classify(PageBuilder()
                        .at(100, 80, title, 40)
                        .at(100, 300, "Federal income tax withheld")
                        .at(100, 400, "PAYER’S TIN")
                        .pages())
        .type;
  };
  EXPECT_EQ(with_title("Form 1099-R"), DocumentType::Form1099R);
  EXPECT_EQ(with_title("Form 1099-K"), DocumentType::Other);
  EXPECT_EQ(with_title("Form 1099-G"), DocumentType::Other);
  EXPECT_EQ(with_title("Form 1098-T"), DocumentType::Other);
  EXPECT_EQ(with_title("Form 1099-NEC"), DocumentType::Form1099Nec);
  EXPECT_EQ(with_title("Form W-9"), DocumentType::Other);
  EXPECT_EQ(with_title("Form 1040"), DocumentType::Other);
}

TEST(Classify, IsNotFooledByPurchaseOrders) {
  const auto pages = PageBuilder()
                         .at(140, 100, "PURCHASE ORDER", 44)
                         .at(140, 300, "Ship To:")
                         .at(140, 600, "Description")
                         .at(1000, 600, "Unit Price")
                         .at(140, 650, "Bolts")
                         .at(1000, 650, "12.00")
                         .at(1000, 700, "Total $12.00")
                         .pages();
  EXPECT_EQ(classify(pages).type, DocumentType::Other);
}

TEST(Classify, LooksPastACoverPage) {
  auto pages =
      PageBuilder()
          .at(100, 100, "Attention: this form is provided for informational purposes only.")
          .pages();
  auto form = testing::sample_w2();
  form[0].number = 2;
  pages.push_back(form[0]);
  const Classification found = classify(pages);
  EXPECT_EQ(found.type, DocumentType::W2);
  EXPECT_NE(found.reasoning.find("page 2"), std::string::npos);
}

TEST(Classify, SaysOtherForNothing) {
  EXPECT_EQ(classify({}).type, DocumentType::Other);
  EXPECT_EQ(classify(PageBuilder().pages()).type, DocumentType::Other);
  EXPECT_EQ(classify(PageBuilder().at(10, 10, "hello world").pages()).type, DocumentType::Other);
}

}  // namespace

}  // namespace headgate::documents
