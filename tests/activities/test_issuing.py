"""Every money fact leaves its document: numbered without gaps, once, adding up, and never changed."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from fulfil.activities.issuing import correct_statement, issue_invoice
from fulfil.activities.locking import hold_payment
from fulfil.documents.rendering import render_document
from fulfil.models.ids import new_id
from fulfil.models.messages.documents import (
    DocumentKind,
    DocumentSnapshot,
    LineRole,
    PlatformIdentity,
    ZeroRate,
    snapshot_sha256,
)
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.tables.documents import DocumentRow
from tests.activities.paperwork import Paperwork
from tests.activities.shop import PLATFORM, Shop
from tests.documents.reading import unspaced
from tests.quote_rows import item_row, quote_row

INVOICE, RECEIPT, CREDIT_NOTE = DocumentKind.INVOICE, DocumentKind.RECEIPT, DocumentKind.CREDIT_NOTE


@pytest.fixture
def paperwork(shop: Shop) -> Paperwork:
    return Paperwork(shop)


def read(row: DocumentRow | None) -> DocumentSnapshot:
    """The document as it was kept."""
    assert row is not None
    return DocumentSnapshot.model_validate(row.snapshot)


async def test_a_captured_payment_leaves_a_paid_invoice_and_its_receipt(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order(total_minor=11_900)

    await paperwork.invoice(order.order_id)

    invoice, receipt = await paperwork.snapshots(order.order_id)
    assert (invoice.number, receipt.number) == ("INV-2030-000001", "RCT-2030-000001")
    assert (invoice.kind, receipt.kind) == (INVOICE, RECEIPT)
    assert invoice.payment is not None
    assert (invoice.payment.method, invoice.payment.paid_at) == ("Card", paperwork.shop.clock())
    (line,) = invoice.lines
    assert line.description == "bracket.stl: filament printing in pla"
    assert (line.quantity, line.unit_price_minor, line.amount_minor) == (2, 5_950, 11_900)
    (tax,) = invoice.taxes
    assert (tax.tax_bp, tax.net_minor, tax.tax_minor, tax.gross_minor) == (1_900, 10_000, 1_900, 11_900)
    assert receipt.notes == ("For invoice INV-2030-000001.",)
    assert receipt.lines == invoice.lines


@pytest.mark.parametrize(
    ("currency", "shown", "tax"), [("jpy", "11,901JPY", "1,900"), ("kwd", "11.901KWD", "1.900"), ("eur", "119.01", "")]
)
async def test_a_page_shows_each_currency_with_its_own_decimals(
    paperwork: Paperwork, currency: str, shown: str, tax: str
) -> None:
    order = await paperwork.paid_order(total_minor=11_901, currency=currency)

    page = unspaced(render_document(read(await paperwork.invoice(order.order_id))))

    assert shown in page
    assert tax in page
    assert page.count("59.50") == 0  # half of an odd price is not shown rounded


async def test_every_file_and_what_was_charged_once_is_a_line_of_the_invoice(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order(total_minor=5_000)
    file_id = await paperwork.shop.value("SELECT id FROM files")
    quote = quote_row(new_id("quo"), await paperwork.customer_of(order.order_id), paperwork.shop.clock())
    quote.lines = [
        {"code": "small_order", "title": "Small order", "explanation": "", "amount_minor": 250},
        {"code": "rounding", "title": "Rounding", "explanation": "", "amount_minor": -1},
    ]
    async with paperwork.shop.owner.begin() as session:
        session.add(quote)
        await session.flush()
        session.add(item_row(quote.id, file_id, amount_minor=5_000))
        session.add(item_row(quote.id, file_id, position=1, amount_minor=1_000, quantity=3))
    await paperwork.shop.sql("UPDATE order_lines SET quote_id = :id, positions = '[0, 1]'", id=quote.id)
    await paperwork.shop.sql("UPDATE order_lines SET amount_minor = 6249")
    await paperwork.shop.sql("UPDATE payments SET amount_minor = 6749")

    lines = read(await paperwork.invoice(order.order_id)).lines

    assert [(line.quantity, line.unit_price_minor, line.amount_minor) for line in lines] == [
        (2, 2_500, 5_000),
        (3, None, 1_000),
        (1, None, 250),
        (1, None, -1),
        (1, None, 500),
    ]
    assert [line.description for line in lines][2:] == ["Small order", "Rounding", "Shipping"]


async def test_a_line_whose_quote_adds_up_to_something_else_is_told_as_a_whole(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order(total_minor=5_000)
    await paperwork.shop.sql("UPDATE order_lines SET amount_minor = 4000")

    line, rest = read(await paperwork.invoice(order.order_id)).lines

    assert (line.description, line.amount_minor) == ("2 x bracket.stl: filament printing in pla", 4_000)
    assert (rest.description, rest.amount_minor) == ("Shipping", 1_000)


async def test_a_buyer_stands_there_by_billing_details_else_by_account_else_by_id(paperwork: Paperwork) -> None:
    orders = [await paperwork.paid_order() for _ in range(3)]
    buyers = [await paperwork.customer_of(order.order_id) for order in orders]
    emails = [await paperwork.add_account(buyer) for buyer in buyers[:2]]
    await paperwork.bill_to(buyers[0], country="JP", vat_id="JP123")

    detailed, signed_in, nobody = [read(await paperwork.invoice(order.order_id)).buyer for order in orders]

    assert detailed.name == "Analytical Engines Ltd"
    assert detailed.address_lines == ("12 Main Street", "Japan")
    assert (detailed.vat_id, detailed.email) == ("JP123", emails[0])
    assert (signed_in.name, signed_in.email, signed_in.address_lines) == ("Ada Lovelace", emails[1], ())
    assert (nobody.name, nobody.email) == (buyers[2], None)


async def test_later_billing_details_change_no_document_that_was_issued(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order()
    before = read(await paperwork.invoice(order.order_id))
    await paperwork.bill_to(await paperwork.customer_of(order.order_id))

    again = await paperwork.invoice(order.order_id, PlatformIdentity())
    refund = await paperwork.refund(order.order_id, amount_minor=100)

    assert read(again) == before
    assert read(await paperwork.credit(refund)).buyer == before.buyer


async def test_no_tax_is_explained_by_who_is_registered_where(paperwork: Paperwork) -> None:
    orders = [await paperwork.paid_order() for _ in range(3)]
    await paperwork.shop.sql("UPDATE order_lines SET tax_bp = 0")
    await paperwork.bill_to(await paperwork.customer_of(orders[1].order_id), vat_id="FR12345678901")
    unregistered = PLATFORM.model_copy(update={"vat_id": None})

    exempt = read(await paperwork.invoice(orders[0].order_id))
    abroad = read(await paperwork.invoice(orders[1].order_id))
    small = read(await paperwork.invoice(orders[2].order_id, unregistered))

    assert exempt.zero_rate is ZeroRate.EXEMPT
    assert abroad.zero_rate is ZeroRate.REVERSE_CHARGE
    assert small.zero_rate is ZeroRate.NOT_REGISTERED


async def test_a_repeated_step_finds_the_document_it_issued(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order()

    issued = await asyncio.gather(*(paperwork.invoice(order.order_id) for _ in range(5)))

    assert {row.number for row in issued} == {"INV-2030-000001"}
    assert await paperwork.shop.value("SELECT count(*) FROM documents") == 2
    assert (await paperwork.shop.events(order.order_id)).count("document.issued") == 2


async def test_fifty_issues_at_once_of_which_some_roll_back_leave_no_gap_and_no_duplicate(
    paperwork: Paperwork,
) -> None:
    orders = [(await paperwork.paid_order()).order_id for _ in range(50)]

    async def issue(order_id: str, *, fail: bool) -> None:
        async with paperwork.shop.worker.begin() as session:
            payment = await hold_payment(session, order_id)
            await issue_invoice(session, payment, paperwork.shop.clock(), PLATFORM)
            if fail:
                raise TimeoutError(order_id)

    answers = await asyncio.gather(
        *(issue(order_id, fail=n % 3 == 0) for n, order_id in enumerate(orders)), return_exceptions=True
    )
    failed = [order_id for order_id, answer in zip(orders, answers, strict=True) if answer is not None]
    assert {type(answer) for answer in answers} == {type(None), TimeoutError}
    assert len(failed) == 17
    await asyncio.gather(*(issue(order_id, fail=False) for order_id in failed))

    for series in ("INV", "RCT"):
        rows = await paperwork.shop.sql(
            "SELECT sequence, number FROM documents WHERE series = :series ORDER BY sequence", series=series
        )
        assert [row.sequence for row in rows] == list(range(1, 51))
        assert [row.number for row in rows] == [f"{series}-2030-{n:06d}" for n in range(1, 51)]


async def test_each_year_begins_with_one(paperwork: Paperwork) -> None:
    numbers: list[str] = []
    for moment in (
        datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2031, 1, 1, tzinfo=UTC),
        datetime(2031, 1, 2, tzinfo=UTC),
    ):
        paperwork.shop.clock.now = moment
        order = await paperwork.paid_order()
        numbers.append((await paperwork.invoice(order.order_id)).number)

    assert numbers == ["INV-2030-000001", "INV-2031-000001", "INV-2031-000002"]


async def test_a_document_is_never_changed_or_deleted_and_its_hash_proves_it(paperwork: Paperwork) -> None:
    row = await paperwork.invoice((await paperwork.paid_order()).order_id)

    for statement in ("UPDATE documents SET total_minor = 1", "DELETE FROM documents", "TRUNCATE documents"):
        with pytest.raises(DBAPIError, match="append-only"):
            await paperwork.shop.sql(statement)
    stored = await paperwork.shop.value("SELECT snapshot FROM documents WHERE id = :id", id=row.id)
    assert snapshot_sha256(stored) == row.snapshot_sha256
    assert render_document(read(row)) == render_document(DocumentSnapshot.model_validate(stored))


async def test_the_timeline_names_the_document_but_tells_no_amount(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order()

    row = await paperwork.invoice(order.order_id)

    events = await paperwork.shop.sql("SELECT subject, data, next FROM events WHERE type = 'document.issued'")
    assert events[0] == (row.id, {"document_id": row.id, "kind": "invoice", "number": row.number}, None)


async def test_a_credit_note_mirrors_what_was_refunded_of_its_invoice(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order(total_minor=11_900)
    invoice = read(await paperwork.invoice(order.order_id))
    whole = await paperwork.refund(order.order_id, RefundAllocation(line_id=order.line_id, held_minor=11_900))

    note = read(await paperwork.credit(whole))

    assert (note.kind, note.number, note.refers_to) == (CREDIT_NOTE, "CRN-2030-000001", invoice.number)
    assert [(tax.tax_bp, tax.net_minor, tax.tax_minor) for tax in note.taxes] == [(1_900, -10_000, -1_900)]
    assert note.total_minor == -invoice.total_minor
    assert note.lines[0].description == "Refund: 2 x bracket.stl"
    assert "119.00EURrefundedon1January2030" in unspaced(render_document(note))


async def test_goodwill_and_shipping_are_credited_too(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order()
    await paperwork.invoice(order.order_id)
    goodwill = await paperwork.refund(order.order_id, amount_minor=1_000)
    shipping = await paperwork.refund(order.order_id, RefundAllocation(line_id=None, held_minor=500))

    (reduction,), (returned,) = [read(await paperwork.credit(one)).lines for one in (goodwill, shipping)]

    assert (reduction.description, reduction.amount_minor) == ("Reduction: 2 x bracket.stl", -1_000)
    assert (returned.description, returned.amount_minor, returned.tax_bp) == ("Refund: shipping", -500, 1_900)


async def test_a_refund_of_an_order_without_an_invoice_has_no_credit_note(paperwork: Paperwork) -> None:
    order = await paperwork.paid_order()
    refund = await paperwork.refund(order.order_id, amount_minor=1_000)

    assert await paperwork.credit(refund) is None
    assert await paperwork.cancel_credit(refund) is None


async def test_a_refund_that_came_back_and_went_another_way_is_credited_cancelled_and_credited_again(
    paperwork: Paperwork,
) -> None:
    order = await paperwork.paid_order()
    invoice = await paperwork.invoice(order.order_id)
    refund = await paperwork.refund(order.order_id, RefundAllocation(line_id=order.line_id, held_minor=3_000))

    first, _ = [await paperwork.credit(refund) for _ in range(2)]
    cancellation, _ = [await paperwork.cancel_credit(refund) for _ in range(2)]
    await paperwork.shop.sql("UPDATE refunds SET route = 'bank', reference = 'TRX 7'")
    second, _ = [await paperwork.credit(refund) for _ in range(2)]

    notes = [read(row) for row in (first, cancellation, second)]
    assert [note.number for note in notes] == ["CRN-2030-000001", "CRN-2030-000002", "CRN-2030-000003"]
    assert [note.refers_to for note in notes] == [invoice.number, "CRN-2030-000001", invoice.number]
    assert [note.total_minor for note in notes] == [-3_000, 3_000, -3_000]
    assert [note.payment and note.payment.method for note in notes] == ["Card", None, "Bank transfer TRX 7"]
    assert notes[1].notes[0].startswith("Cancels credit note CRN-2030-000001")
    assert await paperwork.shop.value("SELECT count(*) FROM documents WHERE kind = 'credit_note'") == 3


async def test_a_refund_that_came_back_in_the_new_year_cancels_the_note_of_the_new_year(paperwork: Paperwork) -> None:
    paperwork.shop.clock.now = datetime(2030, 12, 31, 12, tzinfo=UTC)
    refunds: list[str] = []
    for _ in range(2):
        order = await paperwork.paid_order()
        await paperwork.invoice(order.order_id)
        refunds.append(
            await paperwork.refund(order.order_id, RefundAllocation(line_id=order.line_id, held_minor=3_000))
        )
        await paperwork.credit(refunds[-1])
        await paperwork.cancel_credit(refunds[-1])
    paperwork.shop.clock.advance(days=1)
    second = read(await paperwork.credit(refunds[-1]))

    cancellation = read(await paperwork.cancel_credit(refunds[-1]))

    assert (second.number, cancellation.refers_to) == ("CRN-2031-000001", "CRN-2031-000001")


async def test_a_release_leaves_a_statement_of_sales_commission_and_payout(paperwork: Paperwork) -> None:
    provider = await paperwork.shop.add_provider()
    await paperwork.bill_to(provider, vat_id="DE111111111")
    job = await paperwork.released_job(provider_id=provider, netted_minor=500)

    statement = read(await paperwork.state(job))

    assert statement.number == "SBN-2030-000001"
    assert (statement.seller.name, statement.buyer.name) == ("Analytical Engines Ltd", PLATFORM.name)
    sale, commission = statement.lines
    assert (sale.role, sale.amount_minor, sale.tax_bp) == (LineRole.SALE, 10_000, 1_900)
    assert (commission.role, commission.amount_minor) == (LineRole.COMMISSION, -1_500)
    assert commission.description == "Commission, 15% of sales"
    assert [(tax.role, tax.tax_minor) for tax in statement.taxes] == [
        (LineRole.SALE, 1_597),
        (LineRole.COMMISSION, -239),
    ]
    assert (statement.total_minor, statement.zero_rate) == (8_500, None)
    assert statement.notes == ("5.00 EUR of the payout are kept for what you owed us; 80.00 EUR are transferred.",)
    assert await paperwork.state(job) is not None
    assert await paperwork.shop.value("SELECT count(*) FROM documents") == 1


@pytest.mark.parametrize(
    ("vat_id", "reason"), [(None, ZeroRate.NOT_REGISTERED), ("AT1234567", ZeroRate.REVERSE_CHARGE)]
)
async def test_a_provider_not_registered_or_abroad_is_stated_without_sales_tax(
    paperwork: Paperwork, vat_id: str | None, reason: ZeroRate
) -> None:
    provider = await paperwork.shop.add_provider()
    await paperwork.bill_to(provider, vat_id=vat_id)

    statement = read(await paperwork.state(await paperwork.released_job(provider_id=provider)))

    assert statement.lines[0].tax_bp == 0
    assert statement.zero_rate is reason


async def test_a_release_reduced_by_refunds_is_stated_as_what_is_left(paperwork: Paperwork) -> None:
    reduced = read(await paperwork.state(await paperwork.released_job(released_minor=6_000)))
    nothing = await paperwork.state(await paperwork.released_job(released_minor=0))

    assert [line.amount_minor for line in reduced.lines] == [6_000, -900]
    assert nothing is None


async def test_what_a_refund_takes_back_of_a_release_corrects_its_statement_by_the_booked_amounts(
    paperwork: Paperwork,
) -> None:
    job = await paperwork.released_job()
    statement = read(await paperwork.state(job))
    part = RefundAllocation(
        line_id=None,
        released_minor=4_000,
        provider_share_minor=3_400,
        commission_minor=600,
        commission_tax_minor=97,
        job_id=job,
    )
    refund_id = await paperwork.refund(statement.order_id, part)

    async def correct() -> DocumentRow | None:
        async with paperwork.shop.worker.begin() as session:
            await hold_payment(session, statement.order_id)
            return await correct_statement(session, refund_id, part, paperwork.shop.clock())

    first, again = [await correct() for _ in range(2)]

    correction = read(first)
    assert (correction.number, read(again).number) == ("SBN-2030-000002", "SBN-2030-000002")
    assert first is not None
    assert (first.refers_to, first.party_id) == (statement.number, (await _party_of(paperwork, statement.number)))
    assert correction.total_minor == -3_400
    assert [(tax.gross_minor, tax.tax_minor) for tax in correction.taxes] == [(-4_000, 0), (600, 97)]
    assert statement.number in correction.notes[0]
    assert correction.notes[0].endswith("is asked back from your payout, else kept from later ones.")
    assert correction.lines[0].description == "Paid back to the customer"


async def _party_of(paperwork: Paperwork, number: str) -> str:
    return str(await paperwork.shop.value("SELECT party_id FROM documents WHERE number = :number", number=number))
