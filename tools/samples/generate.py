#!/usr/bin/python3
"""Draws the sample documents of examples/documents/ with invented data: generate.py [--check].

Each page is described once, as texts and boxes in points, and written as a PDF with a text layer and
as pixels (PNG, JPEG, TIFF, or a PDF that is only a picture, with noise, skew and blur)."""
import io
import json
import pathlib
import random
import sys

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.pdfgen import canvas

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/documents"
WIDTH, HEIGHT = 612, 792  # points: US letter
DPI = 200
FONTS = pathlib.Path("/usr/share/fonts/truetype/dejavu")


class Page:
    def __init__(self):
        self.items = []

    def text(self, x, y, text, size=10, bold=False, right=False):
        self.items.append(("text", x, y, text, size, bold, right))
        return self

    def box(self, x, y, width, height):
        self.items.append(("box", x, y, width, height))
        return self

    def field(self, x, y, width, height, label, value):
        """A ruled cell of a form: small label at its top, value below."""
        self.box(x, y, width, height)
        labels = label.split("\n")
        for line, part in enumerate(labels):
            self.text(x + 3, y + 8 + 7 * line, part, 6.5)
        for line, part in enumerate(value.split("\n")):
            self.text(x + 8, y + 15 + 7 * len(labels) + 12 * line, part, 10)
        return self

    def pixels(self, dpi=DPI):
        scale = dpi / 72
        image = Image.new("L", (round(WIDTH * scale), round(HEIGHT * scale)), 255)
        draw = ImageDraw.Draw(image)
        for item in self.items:
            if item[0] == "box":
                x, y, width, height = (round(value * scale) for value in item[1:])
                draw.rectangle((x, y, x + width, y + height), outline=0, width=2)
                continue
            _, x, y, text, size, bold, right = item
            font = ImageFont.truetype(str(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), round(size * scale))
            draw.text((round(x * scale), round(y * scale)), text, fill=0, font=font, anchor="rs" if right else "ls")
        return image

    def draw(self, target):
        for item in self.items:
            if item[0] == "box":
                _, x, y, width, height = item
                target.rect(x, HEIGHT - y - height, width, height)
                continue
            _, x, y, text, size, bold, right = item
            target.setFont("Helvetica-Bold" if bold else "Helvetica", size)
            (target.drawRightString if right else target.drawString)(x, HEIGHT - y, text)
        target.showPage()


def pdf(pages):
    out = io.BytesIO()
    target = canvas.Canvas(out, pagesize=(WIDTH, HEIGHT), invariant=1)
    for page in pages:
        page.draw(target)
    target.save()
    return out.getvalue()


def scanned(image, seed):
    random.seed(seed)
    image = image.rotate(random.choice((-1, 1)) * random.uniform(0.6, 1.2), resample=Image.BICUBIC, fillcolor=250)
    image = image.filter(ImageFilter.GaussianBlur(0.7))
    noise = Image.frombytes("L", image.size, random.randbytes(image.size[0] * image.size[1])).filter(ImageFilter.GaussianBlur(1))
    return Image.blend(image, noise, 0.10)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def money(value):
    return f"{value:,.2f}"


def w2():
    page = Page()
    page.field(40, 40, 150, 30, "a  Employee's social security number", "900-12-4321")
    page.text(210, 60, "OMB No. 1545-0008", 8)
    page.field(40, 70, 270, 30, "b  Employer identification number (EIN)", "00-7654321")
    page.field(40, 100, 270, 70, "c  Employer's name, address, and ZIP code", "Quillfeather Paper Works\n12 Mill Lane\nEastbrook, OH 44000")
    page.field(40, 170, 270, 30, "d  Control number", "A17-0042")
    page.field(40, 200, 270, 30, "e  Employee's first name and initial  Last name", "Marlow T Winterbourne")
    page.field(40, 230, 270, 50, "f  Employee's address and ZIP code", "88 Orchard Street\nEastbrook, OH 44000")
    boxes = [("1  Wages, tips, other compensation", 52340.00), ("2  Federal income tax withheld", 6120.50),
             ("3  Social security wages", 54000.00), ("4  Social security tax withheld", 3348.00),
             ("5  Medicare wages and tips", 54000.00), ("6  Medicare tax withheld", 783.00)]
    for i, (label, value) in enumerate(boxes):
        page.field(310 + 130 * (i % 2), 70 + 34 * (i // 2), 130, 34, label, money(value))
    page.field(310, 172, 130, 34, "7  Social security tips", "").field(440, 172, 130, 34, "8  Allocated tips", "")
    page.text(40, 315, "Form", 8).text(62, 315, "W-2", 20, bold=True).text(120, 315, "Wage and Tax Statement", 14, bold=True)
    page.text(330, 315, "2024", 20, bold=True).text(400, 312, "Department of the Treasury - Internal Revenue Service", 6.5)
    page.text(40, 335, "Copy B - To Be Filed With Employee's FEDERAL Tax Return.", 8, bold=True)
    fields = {"tax_year": 2024, "employer.ein": "00-7654321", "employer.name": "Quillfeather Paper Works", "employee.ssn": "***-**-4321",
              "employee.name": "Marlow T Winterbourne"}
    names = ["box1_wages", "box2_federal_withheld", "box3_ss_wages", "box4_ss_withheld", "box5_medicare_wages", "box6_medicare_withheld"]
    fields.update({"boxes." + name: value for name, (_, value) in zip(names, boxes)})
    return page, fields


def interest():
    page = Page()
    page.field(40, 40, 250, 80, "PAYER'S name, street address, city or town, state or province, country,\nZIP or foreign postal code, and telephone no.",
               "Harborlight Savings Bank\n5 Quay Street\nEastbrook, OH 44000\n555-0142")
    page.text(310, 46, "OMB No. 1545-0112", 8).text(310, 36, "Form 1099-INT", 12, bold=True)
    page.text(430, 36, "Interest Income", 14, bold=True).text(430, 50, "For calendar year 2024", 9)
    page.field(40, 120, 125, 34, "PAYER'S TIN", "00-1234567").field(165, 120, 125, 34, "RECIPIENT'S TIN", "900-55-8765")
    page.field(40, 154, 250, 34, "RECIPIENT'S name", "Odette Fairweather")
    page.field(40, 188, 250, 34, "Street address (including apt. no.)", "7 Larch Close")
    page.field(40, 222, 250, 34, "City or town, state or province, country, and ZIP or foreign postal code", "Eastbrook, OH 44000")
    values = [("1 Interest income", 1284.55), ("2 Early withdrawal penalty", 12.00), ("3 Interest on U.S. Savings Bonds and Treas. obligations", 310.20),
              ("4 Federal income tax withheld", 128.45)]
    for i, (label, value) in enumerate(values):
        page.field(290, 120 + 34 * i, 280, 34, label, "$ " + money(value))
    page.text(40, 280, "Copy B For Recipient", 9, bold=True)
    return page, {"tax_year": 2024, "payer.name": "Harborlight Savings Bank", "recipient.name": "Odette Fairweather", "recipient.tin": "***-**-8765",
                  "amounts.box1_interest_income": 1284.55, "amounts.box4_federal_income_tax_withheld": 128.45}


def invoice():
    page = Page()
    page.text(40, 60, "Cobblestone Lantern Company", 16, bold=True).text(40, 76, "31 Foundry Road, Eastbrook, OH 44000", 9)
    page.text(40, 88, "Phone: 555-0188   billing@cobblestone.example", 9).text(450, 60, "INVOICE", 22, bold=True)
    page.text(400, 100, "Invoice Number:", 10).text(572, 100, "CL-20417", 10, right=True)
    page.text(400, 116, "Invoice Date:", 10).text(572, 116, "03/14/2024", 10, right=True)
    page.text(400, 132, "Due Date:", 10).text(572, 132, "04/13/2024", 10, right=True)
    page.text(40, 120, "Bill To:", 10, bold=True).text(40, 134, "Thistledown Theatre", 10).text(40, 148, "2 Curtain Court, Eastbrook, OH 44000", 10)
    lines = [("Brass lantern, small", 12, 24.50), ("Wick, cotton, 10 m", 4, 8.25), ("Lamp oil, clear, 5 l", 6, 19.00)]
    y = 190
    for x, text, right in ((40, "Description", False), (380, "Quantity", True), (470, "Unit Price", True), (572, "Amount", True)):
        page.text(x, y, text, 10, bold=True, right=right)
    for name, quantity, price in lines:
        y += 18
        page.text(40, y, name).text(380, y, str(quantity), right=True).text(470, y, money(price), right=True).text(572, y, money(quantity * price), right=True)
    subtotal = sum(quantity * price for _, quantity, price in lines)
    tax = round(subtotal * 0.07, 2)
    for label, value in (("Subtotal", subtotal), ("Tax (7%)", tax), ("Total", subtotal + tax)):
        y += 22
        page.text(470, y, label, 10, bold=True, right=True).text(572, y, "$" + money(value), 10, right=True)
    return page, {"invoice_number": "CL-20417", "invoice_date": "2024-03-14", "due_date": "2024-04-13", "subtotal": subtotal, "tax": tax,
                  "total": round(subtotal + tax, 2), "vendor.name": "Cobblestone Lantern Company"}


def statement():
    rows = [(f"0{1 + i // 28}/{1 + i % 28:02d}", name, value) for i, (name, value) in enumerate(
        [("Payroll deposit", 2150.00), ("Rent", -980.00), ("Grocer", -64.20), ("Bookshop", -23.75), ("Transfer in", 300.00), ("Gas and water", -112.40)] * 7)]
    opening = 1520.35
    credits = sum(value for _, _, value in rows if value > 0)
    debits = -sum(value for _, _, value in rows if value < 0)
    pages, y = [], 0
    for i, (date, name, value) in enumerate(rows):
        if i % 26 == 0:
            page = Page()
            pages.append(page)
            page.text(40, 50, "Harborlight Savings Bank", 16, bold=True).text(572, 50, f"Page {len(pages)} of 2", 9, right=True)
            y = 90
            if i == 0:
                page.text(40, 75, "Checking Account Statement", 12, bold=True).text(40, 95, "Account Number: 0044 5512 7788", 10)
                page.text(40, 110, "Statement Period: 01/01/2024 - 02/29/2024", 10)
                for line, (label, amount) in enumerate((("Beginning Balance", opening), ("Total Deposits and Credits", credits),
                                                        ("Total Withdrawals and Debits", debits), ("Ending Balance", opening + credits - debits))):
                    page.text(40, 130 + 14 * line, label, 10).text(260, 130 + 14 * line, "$" + money(amount), 10, right=True)
                y = 205
            for x, text, right in ((40, "Date", False), (110, "Description", False), (440, "Amount", True)):
                page.text(x, y, text, 10, bold=True, right=right)
        y += 20
        page.text(40, y, date + "/2024").text(110, y, name).text(440, y, ("-" if value < 0 else "") + money(abs(value)), right=True)
    return pages, {"header.bank_name": "Harborlight Savings Bank", "header.account_number": "****7788", "header.beginning_balance": opening,
                   "header.ending_balance": round(opening + credits - debits, 2), "summary.total_credits": round(credits, 2), "summary.total_debits": round(debits, 2)}


def receipt():
    page = Page()
    page.text(70, 50, "THE COPPER KETTLE", 15, bold=True).text(70, 66, "19 Market Row, Eastbrook", 9).text(70, 78, "Tel 555-0117", 9)
    page.text(70, 98, "RECEIPT   Date: 05/21/2024  14:32", 9)
    items = [("Tea, pot", 4.50), ("Scone with jam", 3.80), ("Soup of the day", 6.20)]
    y = 110
    for name, price in items:
        y += 14
        page.text(70, y, name, 9).text(260, y, money(price), 9, right=True)
    subtotal = sum(price for _, price in items)
    for label, value in (("SUBTOTAL", subtotal), ("TAX", 1.02), ("TOTAL", subtotal + 1.02)):
        y += 16
        page.text(70, y, label, 9, bold=True).text(260, y, money(value), 9, right=True)
    page.text(70, y + 20, "CASH        20.00", 9).text(70, y + 34, "Thank you!", 9)
    return page, {"date": "2024-05-21", "total": round(subtotal + 1.02, 2)}


def documents():
    page, fields = w2()
    yield "w2.png", "W2", 1, fields, lambda: encoded(page.pixels(), "PNG", optimize=True, dpi=(DPI, DPI))
    yield "w2-scan.pdf", "W2", 1, fields, lambda: encoded(scanned(page.pixels(), 7), "PDF", resolution=DPI)
    interest_page, fields = interest()
    yield "1099-int.pdf", "1099-INT", 1, fields, lambda: pdf([interest_page])
    invoice_page, fields = invoice()
    yield "invoice.pdf", "invoice", 1, fields, lambda: pdf([invoice_page])
    yield "invoice.jpg", "invoice", 1, fields, lambda: encoded(scanned(invoice_page.pixels(), 11), "JPEG", quality=60, dpi=(DPI, DPI))
    pages, fields = statement()
    yield "bank-statement.pdf", "bank_statement", 2, fields, lambda: pdf(pages)
    yield "bank-statement.tiff", "bank_statement", 2, fields, lambda: encoded(
        pages[0].pixels().convert("1"), "TIFF", compression="group4", save_all=True,
        append_images=[page.pixels().convert("1") for page in pages[1:]], dpi=(DPI, DPI))
    receipt_page, fields = receipt()
    yield "receipt.jpg", "receipt", 1, fields, lambda: encoded(receipt_page.pixels().crop((150, 80, 800, 720)), "JPEG", quality=70, dpi=(DPI, DPI))


def main():
    truth = {name: {"type": kind, "pages": pages, "fields": fields} for name, kind, pages, fields, _ in documents()}
    text = json.dumps(truth, indent=1) + "\n"
    if "--check" in sys.argv:
        good = (FOLDER / "truth.json").read_text() == text and all((FOLDER / name).exists() for name in truth)
        print("samples: ok" if good else "examples/documents is stale: run tools/samples/generate.py")
        return 0 if good else 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, _, _, _, make in documents():
        (FOLDER / name).write_bytes(make())
    (FOLDER / "truth.json").write_text(text)
    return 0


sys.exit(main())
