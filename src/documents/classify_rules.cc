#include "documents/classify_rules.h"

namespace headgate::documents {

namespace {

using enum DocumentType;
using enum Place;

// Weights: 6 a title or number that no other document carries, 3 a strong label, 1 to 2 a hint.
constexpr auto kRules = std::to_array<Rule>({
    // W-2
    {W2, 6, Anywhere, "wage and tax statement", "title 'Wage and Tax Statement'"},
    {W2, 3, Anywhere, "=omb no 1545 0008|=1545 0008|=15450008", "OMB No. 1545-0008"},
    {W2, 3, Edges, "=form w 2|=w 2|=w2", "form name W-2"},
    {W2, 2, Anywhere, "wages tips other compensation|wages tips other comp",
     "box 'Wages, tips, other compensation'"},
    {W2, 2, Anywhere, "social security tax withheld", "box 'Social security tax withheld'"},
    {W2, 2, Anywhere, "medicare wages and tips", "box 'Medicare wages and tips'"},
    {W2, 1, Anywhere, "employer identification number|employers identification number",
     "label 'Employer identification number'"},

    // 1099 and 1098
    {Form1099Int, 6, Edges, "=form 1099 int|=1099 int", "form name 1099-INT"},
    {Form1099Int, 4, Anywhere, "=1545 0112|=15450112", "OMB No. 1545-0112"},
    {Form1099Int, 2, Anywhere, "early withdrawal penalty", "box 'Early withdrawal penalty'"},
    {Form1099Int, 2, Anywhere, "interest on us savings bonds",
     "box 'Interest on U.S. Savings Bonds'"},
    {Form1099Div, 6, Edges, "=form 1099 div|=1099 div", "form name 1099-DIV"},
    {Form1099Div, 4, Anywhere, "=1545 0110|=15450110", "OMB No. 1545-0110"},
    {Form1099Div, 3, Anywhere, "total ordinary dividends", "box 'Total ordinary dividends'"},
    {Form1099Div, 2, Anywhere, "=qualified dividends", "box 'Qualified dividends'"},
    {Form1099Div, 2, Anywhere, "nondividend distributions", "box 'Nondividend distributions'"},
    {Form1099Misc, 6, Edges, "=form 1099 misc|=1099 misc", "form name 1099-MISC"},
    {Form1099Misc, 4, Anywhere, "=1545 0115|=15450115", "OMB No. 1545-0115"},
    {Form1099Misc, 3, Anywhere, "miscellaneous information|miscellaneous income",
     "title 'Miscellaneous Information'"},
    {Form1099Misc, 2, Anywhere, "fishing boat proceeds", "box 'Fishing boat proceeds'"},
    {Form1099Misc, 2, Anywhere, "substitute payments in lieu", "box 'Substitute payments'"},
    {Form1099Nec, 6, Edges, "=form 1099 nec|=1099 nec", "form name 1099-NEC"},
    {Form1099Nec, 4, Anywhere, "=1545 0116|=15450116", "OMB No. 1545-0116"},
    {Form1099Nec, 3, Anywhere, "nonemployee compensation", "box 'Nonemployee compensation'"},
    {Form1099R, 6, Edges, "=form 1099 r|=1099 r", "form name 1099-R"},
    {Form1099R, 4, Anywhere, "=1545 0119|=15450119", "OMB No. 1545-0119"},
    {Form1099R, 3, Anywhere, "gross distribution", "box 'Gross distribution'"},
    {Form1099R, 3, Anywhere, "distributions from pensions", "title 'Distributions From Pensions'"},
    {Form1098, 6, Anywhere, "mortgage interest statement", "title 'Mortgage Interest Statement'"},
    {Form1098, 4, Anywhere, "=1545 1380|=1545 0901|=15451380|=15450901", "OMB No. 1545-1380"},
    {Form1098, 4, Anywhere, "mortgage interest received from", "box 'Mortgage interest received'"},
    {Form1098, 2, Anywhere, "outstanding mortgage principal",
     "box 'Outstanding mortgage principal'"},
    {Form1098, 2, Edges, "=form 1098", "form name 1098"},

    // Bank statement
    {BankStatement, 4, Heading,
     "bank statement|account statement|statement of account|checking account statement|savings "
     "account statement|kontoauszug|releve de compte|estratto conto|extracto de "
     "cuenta|rekeningafschrift",
     "title of a bank statement"},
    {BankStatement, 3, Anywhere,
     "beginning balance|opening balance|opening account balance|balance brought forward|starting "
     "balance|anfangssaldo|solde initial",
     "an opening balance"},
    {BankStatement, 3, Anywhere,
     "ending balance|closing balance|closing account balance|balance carried "
     "forward|endsaldo|solde final",
     "a closing balance"},
    {BankStatement, 2, Anywhere, "statement period|for the period|statement date|period covered",
     "a statement period"},
    {BankStatement, 2, Anywhere,
     "total deposits|deposits and other credits|deposits and additions|withdrawals|total "
     "withdrawals|paid in|paid out|money out",
     "deposits and withdrawals"},
    {BankStatement, 1, Anywhere, "account number|account no|sort code|iban", "an account number"},
    {BankStatement, 1, Anywhere,
     "account summary|daily balance|running balance|overdraft|direct deposit", "account wording"},
    {BankStatement, 1, Heading, "=bank|credit union", "a bank in the heading"},

    // Credit card statement
    {CreditCardStatement, 6, Heading, "credit card statement|credit card account statement",
     "title of a credit card statement"},
    {CreditCardStatement, 4, Anywhere,
     "minimum payment due|minimum payment|total minimum due|minimum amount due|minimum due|payment "
     "due date warning",
     "a minimum payment"},
    {CreditCardStatement, 4, Anywhere,
     "credit limit|total credit limit|available credit|credit line|credit access line",
     "a credit limit"},
    {CreditCardStatement, 2, Anywhere, "payment due date", "a payment due date"},
    {CreditCardStatement, 2, Anywhere, "previous balance|last months balance|new balance",
     "previous and new balance"},
    {CreditCardStatement, 2, Anywhere, "card number|cardmember|card member|cardholder|card ending",
     "a card number"},
    {CreditCardStatement, 2, Anywhere,
     "annual percentage rate|interest charged|cash advances|late payment warning|finance charge",
     "card interest wording"},
    {CreditCardStatement, 2, Anywhere, "credit card", "the words 'credit card'"},
    {CreditCardStatement, 6, Heading, "american express|mastercard|visa signature|visa platinum",
     "a card network in the heading"},

    // Invoice
    {Invoice, 4, Heading,
     "=invoice|=tax invoice|=rechnung|=facture|=factuur|=fattura|=factura|=warenrechnung|=w a r e "
     "n r e c h n u n g|=faktura|=fatura|commercial invoice|=invoices|=invoicing|beitragsrechnung",
     "the title 'invoice'"},
    {Invoice, 4, Anywhere,
     "invoice number|invoice no|invoice num|invoice id|rechnungsnummer|rechnung nr|rechnungs "
     "nr|rechnungsnr|beleg nr|facture n|numero de facture|factuurnummer|numero fattura|numero de "
     "factura",
     "an invoice number"},
    {Invoice, 2, Anywhere,
     "invoice date|rechnungsdatum|beleg datum|date de facture|factuurdatum|data fattura|fecha de "
     "factura",
     "an invoice date"},
    {Invoice, 3, Anywhere,
     "bill to|billed to|invoice to|sold to|ship to|billing address|invoice "
     "for|rechnungsempfanger|rechnung an|warenempfanger|factuuradres",
     "a bill-to address"},
    {Invoice, 2, Anywhere,
     "due date|payment terms|amount due|balance due|total due|fallig|zahlbar|echeance|payment is "
     "due",
     "payment terms"},
    {Invoice, 1.5F, Anywhere,
     "unit price|unit cost|einzelpreis|prix unitaire|rate price|nettopreis|line total",
     "a unit price column"},
    {Invoice, 1, Anywhere, "subtotal|sub total|nettobetrag|mwst|ust idnr|umsatzsteuer|tva|=vat",
     "net amount and tax"},
    {Invoice, 1, Anywhere,
     "po number|p o number|purchase order no|order number|bestell nr|bestellnummer|customer id",
     "an order reference"},

    // Receipt
    {Receipt, 4, Heading,
     "=receipt|=sales receipt|official receipt|cash receipt|=kassenbon|=quittung|cash bill|guest "
     "check|cash memo",
     "the title 'receipt'"},
    {Receipt, 2.5F, Anywhere,
     "=change|change due|=cash|cash tendered|amount tendered|=tendered|=tunai|ruckgeld|=baki",
     "cash and change"},
    {Receipt, 2, Anywhere,
     "=cashier|=server|salesperson|=served by|=till|=terminal|=pos no|counter",
     "a cashier or till"},
    {Receipt, 2, Anywhere,
     "thank you|please come again|goods sold are not|terima kasih|have a nice day|vielen dank",
     "thanks to a customer"},
    {Receipt, 2, Anywhere, "=visa|=mastercard|card type|=amex|contactless", "a card payment"},
    {Receipt, 2, Anywhere, "auth code|approval code|=aid|chip read|=tvr|verified by pin",
     "a card terminal's codes"},
    {Receipt, 1.5F, Anywhere,
     "=rounding|rounding adj|gst summary|total sales inclusive|total inclusive", "till totals"},
    {Receipt, 1, Anywhere, "=subtotal|=sub total|=total", "a total"},
    {Receipt, 1, Anywhere, "=receipt|receipt no|bill no|=trans|transaction no", "a receipt number"},

    // Check
    {Check, 5, Anywhere,
     "pay to the order of|pay to the order|pay to order of|to the order of|payable to the order",
     "'Pay to the order of'"},
    {Check, 2, Anywhere, "=dollars", "'Dollars'"},
    {Check, 2, Anywhere, "authorized signature|=memo|=signature", "a memo or signature line"},
    {Check, 5, Anywhere,
     "non negotiable|payroll check|check stub|pay stub|earnings statement|check number|=cheque no",
     "a pay stub or check number"},
    {Check, 2, Anywhere, "net pay|gross pay|year to date|pay date|=deductions", "pay wording"},

    // What looks like ours and is not
    {Other, 8, Edges, "=form 1040|us individual income tax return|=1040 sr|=1040 nr|=1040",
     "Form 1040"},
    {Other, 8, Edges,
     "request for taxpayer identification|=form w 9|=w 9|=form w 4|=form w 8ben|=form w "
     "3|employees withholding certificate|certificate of foreign status",
     "Form W-9 or W-4"},
    {Other, 8, Edges,
     "=form 1098 t|=form 1098 e|=form 1098 c|=1098 t|=1098 e|=1098 c|tuition statement|student "
     "loan interest statement",
     "another 1098 form"},
    {Other, 8, Edges,
     "=form 1099 g|=form 1099 k|=form 1099 b|=form 1099 s|=form 1099 c|=form 1099 a|=form 1099 "
     "sa|=form 1099 q|=form 1099 oid|=form 1099 patr|=form 1099 ltc|=form ssa 1099|=1099 g|=1099 "
     "k|=1099 b|=1099 sa|=1099 oid|=1099 q|certain government payments",
     "another 1099 form"},
    {Other, 8, Edges,
     "schedule k 1|=form 5498|=form 1095 a|=form 1095 b|=form 1095 c|=form 941|=form 940|=form "
     "990|=form 8949|employers quarterly federal",
     "another tax form"},
    {Other, 7, Heading,
     "=purchase order|bestellung|bon de commande|=order confirmation|auftragsbestatigung",
     "a purchase order"},
    {Other, 7, Heading, "=quotation|=quote|=estimate|=angebot|=devis|=offerte|pro forma|=proforma",
     "a quotation"},
    {Other, 7, Heading,
     "delivery note|packing list|packing slip|=lieferschein|bon de livraison|bill of "
     "lading|=waybill",
     "a delivery note"},
    {Other, 6, Heading,
     "expense report|intake form|application form|employment application|order form|curriculum "
     "vitae|=resume|=agreement|=contract|lease agreement|terms and conditions|=abstract|table of "
     "contents|privacy policy|driver license|drivers license|=passport|=memorandum|remittance "
     "advice|donation",
     "the title of another kind of document"},
});

}  // namespace

std::span<const Rule> classification_rules() { return kRules; }

}  // namespace headgate::documents
