"""The pages themselves, read back from the PDF."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fulfil.documents.figures import amount
from fulfil.documents.rendering import TypesettingError, UnknownLayoutError, render_document
from fulfil.models.messages.documents import DocumentKind, DocumentParty, DocumentSnapshot, LineRole, ZeroRate
from tests.documents import snapshots
from tests.documents.reading import boxes_of, pages_of, unspaced

ROOT = Path(__file__).parents[2]
KINDS = [snapshots.invoice, snapshots.receipt, snapshots.credit_note, snapshots.self_billing]
A4_WIDTH_PT = 595.3
MARGIN_PT = 56.6


def page_of(snapshot: DocumentSnapshot) -> str:
    (page,) = pages_of(render_document(snapshot))
    return page


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_snapshot_gives_the_same_bytes(kind: Callable[[], DocumentSnapshot]) -> None:
    assert render_document(kind()) == render_document(kind())


def test_another_process_in_another_place_and_zone_gives_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import hashlib; from tests.documents.snapshots import invoice;"
        "from fulfil.documents.rendering import render_document;"
        "print(hashlib.sha256(render_document(invoice())).hexdigest())"
    )
    elsewhere = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "7",
        "TZ": "Pacific/Auckland",
        "SOURCE_DATE_EPOCH": "1",
        "LANG": "de_DE.UTF-8",
    }

    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == hashlib.sha256(render_document(snapshots.invoice())).hexdigest()


def test_the_file_is_dated_by_the_document() -> None:
    assert b"D:20261121093000" in render_document(snapshots.invoice())


def test_a_second_later_is_another_file() -> None:
    later = snapshots.document(issued_at=snapshots.ISSUED + timedelta(seconds=1))

    assert render_document(later) != render_document(snapshots.document())


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_says_it_is_fit_for_the_archive_and_for_screen_readers(kind: Callable[[], DocumentSnapshot]) -> None:
    pdf = render_document(kind())

    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf


@pytest.mark.parametrize("kind", [*KINDS, snapshots.unpaid_invoice])
def test_the_page_holds_every_figure_name_and_number(kind: Callable[[], DocumentSnapshot]) -> None:
    snapshot = kind()
    page = page_of(snapshot)

    for party in (snapshot.seller, snapshot.buyer):
        assert all(text in page for text in (party.name, *party.address_lines, party.vat_id or "", party.email or ""))
    for line in snapshot.lines:
        assert line.description in page
        assert amount(line.amount_minor, snapshot.currency) in page
        assert amount(line.unit_price_minor or 0, snapshot.currency) in page or line.unit_price_minor is None
    for tax in snapshot.taxes:
        assert amount(tax.net_minor, snapshot.currency) in page
        assert amount(tax.tax_minor, snapshot.currency) in page
    for text in (snapshot.number, snapshot.order_id, snapshot.refers_to or "", *snapshot.notes, "21 November 2026"):
        assert text in page
    assert f"{amount(snapshot.total_minor, snapshot.currency)} EUR" in page


def test_a_paid_invoice_says_how_and_when_and_that_nothing_is_due() -> None:
    page = page_of(snapshots.invoice())

    assert "1,743.70 EUR paid on 20 November 2026" in page
    assert "Paid with Visa ending 4242" in page
    assert "Date of supply 20 November 2026" in page
    assert page.index("Total excluding tax 1,467.31") < page.index("Amount paid 1,743.70 EUR")
    assert "Amount due 0.00 EUR" in page


def test_an_unpaid_invoice_says_what_is_due() -> None:
    page = page_of(snapshots.unpaid_invoice())

    assert "1,743.70 EUR due" in page
    assert "Amount due 1,743.70 EUR" in page
    assert "Amount paid" not in page


def test_a_credit_note_names_its_invoice_and_what_went_back() -> None:
    page = page_of(snapshots.credit_note())

    assert "Credit note number CRN-2026-000011 Corrects invoice INV-2026-000123" in page
    assert "89.35 EUR refunded on 20 November 2026" in page
    assert "Tax 19% on -70.59 -13.41" in page
    assert "Total credited -89.35 EUR" in page


def test_a_self_billing_statement_goes_from_gross_sales_to_the_payout() -> None:
    page = page_of(snapshots.self_billing())

    assert (
        "Sales excluding tax 1,263.31 Tax 27% on 1,263.31 341.09 Gross sales 1,604.40 "
        "Commission -202.24 Commission tax 19% on -202.24 -38.42 Payout 1,363.74 EUR"
    ) in page
    assert "Self-billing: issued by the customer in the name and on behalf of the supplier." in page
    assert page.index("Sales Mounting bracket") < page.index("Kept by the platform Commission, 15% of sales")


@pytest.mark.parametrize(
    ("currency", "shown"), [("jpy", "1,234,567 JPY"), ("bhd", "1,234.567 BHD"), ("usd", "12,345.67 USD")]
)
def test_each_currency_has_its_own_decimals(currency: str, shown: str) -> None:
    page = page_of(snapshots.document(lines=[snapshots.line("part", 1_234_567)], currency=currency))

    assert f"{shown} due" in page
    assert f"Amount ({currency.upper()})" in page


def test_a_zero_rate_between_two_countries_is_a_reverse_charge() -> None:
    lines = [snapshots.line("part", 1_000, tax_bp=0)]

    page = page_of(snapshots.document(lines=lines, buyer=snapshots.PROVIDER))

    assert "Reverse charge: no tax is charged; the recipient accounts for it." in page
    assert "include tax" not in page


@pytest.mark.parametrize("buyer", [snapshots.PLATFORM, snapshots.CUSTOMER])
def test_a_zero_rate_at_home_or_to_a_consumer_only_says_that_no_tax_is_charged(
    buyer: DocumentParty,
) -> None:
    page = page_of(snapshots.document(lines=[snapshots.line("part", 1_000, tax_bp=0)], buyer=buyer))

    assert "No tax is charged on what is listed at 0%." in page
    assert "Reverse charge" not in page


def test_a_reason_given_for_the_zero_rate_is_the_one_shown() -> None:
    lines = [snapshots.line("part", 1_000, tax_bp=0)]

    page = page_of(snapshots.document(lines=lines, buyer=snapshots.PROVIDER, zero_rate=ZeroRate.EXPORT))

    assert "Export: no tax is charged on goods that leave the tax territory." in page
    assert "Reverse charge" not in page


def test_a_document_with_tax_on_everything_says_nothing_of_zero_rates() -> None:
    page = page_of(snapshots.document(zero_rate=ZeroRate.EXEMPT))

    assert "Exempt" not in page
    assert "Unit prices and amounts include tax at the rate shown." in page


def test_many_lines_run_over_pages_that_each_carry_the_header_and_their_number() -> None:
    snapshot = snapshots.long_invoice()
    pages = pages_of(render_document(snapshot))

    assert len(pages) == 4
    for index, page in enumerate(pages, start=1):
        assert "Description Quantity Unit price Tax Amount (EUR)" in page
        assert f"Page {index} of 4" in page
        assert ("Invoice INV-2026-000123 continued" in page) == (index > 1)
    for line in snapshot.lines:
        assert sum(f"{line.description} 1 pcs" in page for page in pages) == 1
    assert "Amount due 1,272.60 EUR" in pages[-1]


def test_the_sums_stay_on_one_page() -> None:
    for count in range(20, 32):
        lines = [snapshots.line(f"Part {n}", 100) for n in range(count)]
        pages = pages_of(render_document(snapshots.document(lines=lines)))

        (closing,) = [page for page in pages if "Total excluding tax" in page]
        assert "Amount due" in closing


def test_hostile_text_is_only_text() -> None:
    pdf = render_document(snapshots.hostile())
    text = unspaced(pdf)

    assert '#panic("x")*bold*_it_<label>@ref$x^2$\\[31m' + "W" * 200 in text
    assert "'\";DROPTABLEdocuments;--" in text
    assert text.count("#") >= 10_000
    assert "[#settext(size:90pt)]" in text
    assert "=Heading#pagebreak()" in text
    assert "Amountdue6.00EUR" in text
    assert "9999EUR" in text


def test_no_text_leaves_the_margins_however_long_its_words() -> None:
    for left, bottom, right, top in boxes_of(render_document(snapshots.hostile())):
        assert left >= MARGIN_PT - 1
        assert right <= A4_WIDTH_PT - MARGIN_PT + 1
        assert bottom > 0
        assert top < 842


def test_a_party_longer_than_a_page_goes_on_overleaf() -> None:
    buyer = snapshots.CUSTOMER.model_copy(update={"address_lines": tuple(f"{n}" + "W" * 299 for n in range(10))})

    text = unspaced(render_document(snapshots.document(buyer=buyer)))

    assert text.count("W") >= 10 * 299
    assert "Amountdue1,743.70EUR" in text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80), min_size=1, max_size=10))
def test_no_text_keeps_a_document_from_being_issued(texts: list[str]) -> None:
    lines = [snapshots.line(text, 100) for text in texts]

    pages = pages_of(render_document(snapshots.document(lines=lines, notes=tuple(texts))))

    assert any(f"Amount due {len(texts)}.00 EUR" in page for page in pages)


def test_a_layout_of_a_later_release_is_refused() -> None:
    with pytest.raises(UnknownLayoutError, match="newer than this release"):
        render_document(snapshots.document(layout_version=2))


def test_a_page_that_lacks_its_fonts_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fulfil.documents.rendering.FAMILIES", ("No Such Font",))

    with pytest.raises(TypesettingError, match="font"):
        render_document(snapshots.document(DocumentKind.RECEIPT))


def test_a_page_takes_less_than_a_tenth_of_a_second() -> None:
    render_document(snapshots.receipt())
    took: list[float] = []
    for n in range(5):
        snapshot = snapshots.document(number=f"INV-2026-{n:06d}")
        start = time.process_time()
        render_document(snapshot)
        took.append(time.process_time() - start)

    assert min(took) < 0.1


def test_a_document_that_takes_another_back_says_so() -> None:
    note = snapshots.credit_note()
    back = [entry.model_copy(update={"amount_minor": -entry.amount_minor}) for entry in note.lines]
    kept = [
        snapshots.line("Refunded to the customer", -10_000),
        snapshots.line("Commission", 1_500, role=LineRole.COMMISSION),
    ]

    cancelled = page_of(snapshots.document(DocumentKind.CREDIT_NOTE, lines=back, refers_to="CRN-2026-000011"))
    corrected = page_of(snapshots.document(DocumentKind.SELF_BILLING, lines=kept))

    assert "Cancellation of a credit note" in cancelled
    assert "Cancels credit note CRN-2026-000011" in cancelled
    assert "89.35 EUR credit cancelled" in cancelled
    assert "Self-billing correction" in corrected
    assert "85.00 EUR to be taken back" in corrected
