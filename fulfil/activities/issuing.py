"""Issuing documents in the transaction that establishes the money fact: numbered without gaps, each fact once.

The caller holds the payment and has written the fact's own event. The row lock of a series is the last one taken, so
a transaction that fails gives its number back, and nobody waits long for the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.activities.document_content import (
    commission_line,
    credited_lines,
    paid_lines,
    read_order_lines,
    read_party,
    reversed_lines,
    sales_tax_bp,
    sold_charges,
    zero_rate_of,
)
from fulfil.documents.numbering import SERIES, format_document_number
from fulfil.documents.taxes import tax_lines
from fulfil.models.ids import derived_id
from fulfil.models.messages.documents import (
    DocumentKind,
    DocumentLine,
    DocumentParty,
    DocumentPayment,
    DocumentSnapshot,
    LineRole,
    PlatformIdentity,
    TaxLine,
    ZeroRate,
    snapshot_sha256,
)
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import SYSTEM
from fulfil.models.messages.refunds import RefundAllocation, RefundRoute
from fulfil.models.money import format_money
from fulfil.models.tables.accounts import ProviderRow
from fulfil.models.tables.deliverables import MilestoneRow
from fulfil.models.tables.documents import DocumentRow, DocumentSeriesRow
from fulfil.models.tables.jobs import JobRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import PaymentRow, RefundRow
from fulfil.models.tables.timeline import append_event

PAID_AHEAD = "Paid before production; the date of supply is the day of delivery."


@dataclass(frozen=True)
class Draft:
    """A document but for its number and day; `corrects` is the number of the document it corrects, if any."""

    kind: DocumentKind
    business_key: str
    order_id: str
    party_id: str
    currency: str
    seller: DocumentParty
    buyer: DocumentParty
    lines: Sequence[DocumentLine]
    zero_rate: ZeroRate | None
    taxes: Sequence[TaxLine] | None = None
    corrects: str | None = None
    payment: DocumentPayment | None = None
    notes: tuple[str, ...] = ()


async def issue_invoice(
    session: AsyncSession, payment: PaymentRow, at: datetime, platform: PlatformIdentity
) -> DocumentRow:
    """The invoice of a captured payment, marked as paid, and the receipt for it; the invoice."""
    order = await session.get_one(OrderRow, payment.order_id)
    lines = await paid_lines(session, payment, await read_order_lines(session, order.id))
    seller, buyer = _plain_party(platform), await read_party(session, order.customer_id)

    def draft(kind: DocumentKind, *notes: str) -> Draft:
        return Draft(
            kind=kind,
            business_key=f"{order.id}:{kind.value}",
            order_id=order.id,
            party_id=order.customer_id,
            currency=payment.currency,
            seller=seller,
            buyer=buyer,
            lines=lines,
            zero_rate=zero_rate_of(lines, seller, buyer),
            payment=DocumentPayment(method="Card", paid_at=payment.captured_at or at),
            notes=notes,
        )

    invoice = await _issue(session, draft(DocumentKind.INVOICE, PAID_AHEAD), at)
    await _issue(session, draft(DocumentKind.RECEIPT, f"For invoice {invoice.number}."), at)
    return invoice


async def issue_credit_note(session: AsyncSession, refund: RefundRow, at: datetime) -> DocumentRow | None:
    """The credit note of a refund that succeeded; None for an order paid before there were invoices.

    A refund that came back and succeeded another way has a second one, after the first was cancelled.
    """
    invoice = await _find(session, f"{refund.order_id}:{DocumentKind.INVOICE.value}")
    if invoice is None:
        return None
    given, cancelled = await _notes_of(session, refund)
    if len(given) > len(cancelled):
        return given[-1]
    original = DocumentSnapshot.model_validate(invoice.snapshot)
    lines = credited_lines(refund, await read_order_lines(session, refund.order_id))
    draft = Draft(
        kind=DocumentKind.CREDIT_NOTE,
        business_key=f"{_note_key(refund)}{len(given) + 1}",
        order_id=refund.order_id,
        party_id=invoice.party_id,
        currency=refund.currency,
        seller=original.seller,
        buyer=original.buyer,
        lines=lines,
        zero_rate=zero_rate_of(lines, original.seller, original.buyer),
        corrects=invoice.number,
        payment=DocumentPayment(method=_way_back(refund), paid_at=refund.succeeded_at or at),
    )
    return await _issue(session, draft, at)


async def cancel_credit_note(session: AsyncSession, refund: RefundRow, at: datetime) -> DocumentRow | None:
    """The money of a succeeded refund came back: its credit note says what was not so, and a counter-document ends it.

    Both stay; the order's documents add up to what was paid and really paid back.
    """
    given, cancelled = await _notes_of(session, refund)
    if len(given) == len(cancelled):
        return cancelled[-1] if cancelled else None
    note = DocumentSnapshot.model_validate(given[-1].snapshot)
    owed = format_money(refund.amount_minor, refund.currency)
    draft = Draft(
        kind=DocumentKind.CREDIT_NOTE,
        business_key=f"{_cancellation_key(refund)}{len(given)}",
        order_id=refund.order_id,
        party_id=given[-1].party_id,
        currency=refund.currency,
        seller=note.seller,
        buyer=note.buyer,
        lines=reversed_lines(note.lines),
        zero_rate=note.zero_rate,
        corrects=note.number,
        notes=(
            f"Cancels credit note {note.number}: its refund did not arrive and came back.",
            f"{owed} are still owed to you and will be sent another way, under a new credit note.",
        ),
    )
    return await _issue(session, draft, at)


async def issue_statement(
    session: AsyncSession, job: JobRow, at: datetime, platform: PlatformIdentity
) -> DocumentRow | None:
    """The self-billing statement of a released job: sales, commission with its tax, payout, what was netted.

    None when nothing was released. The caller holds the provider too.
    """
    if job.provider_id is None or not job.released_minor:
        return None
    provider = await session.get_one(ProviderRow, job.provider_id)
    line = await session.get_one(OrderLineRow, job.line_id)
    seller, buyer = await read_party(session, provider.id), _plain_party(platform)
    rate = sales_tax_bp(seller, buyer, line.tax_bp)
    milestone = await session.get(MilestoneRow, job.milestone_id) if job.milestone_id is not None else None
    part = "" if milestone is None else milestone.title
    sales = await sold_charges(session, line, tax_bp=rate, amount_minor=job.released_minor, part=part)
    commission = commission_line(-(job.commission_minor or 0), provider.commission_bp, provider.commission_tax_bp)
    draft = Draft(
        kind=DocumentKind.SELF_BILLING,
        business_key=_statement_key(job.id),
        order_id=job.order_id,
        party_id=provider.id,
        currency=line.currency,
        seller=seller,
        buyer=buyer,
        lines=(*sales, commission),
        zero_rate=zero_rate_of(sales, seller, buyer),
        notes=_netting(job, line.currency),
    )
    return await _issue(session, draft, at)


async def correct_statement(
    session: AsyncSession, cause_id: str, part: RefundAllocation, at: datetime, *, charged_back: bool = False
) -> DocumentRow | None:
    """The counter-statement for what a refund or chargeback takes back of a job; None when there was no statement.

    Its amounts and the commission's tax are those that were booked.
    """
    # Whether a transfer can be reversed shows only later.
    note = "what was taken back of the sale is asked back from your payout, else kept from later ones."
    told = ("Charged back by the customer's bank" if charged_back else "Paid back to the customer", note)
    return await _restate(session, f"{cause_id}:statement:{part.job_id}", part, at, sign=-1, told=told)


async def restore_statement(
    session: AsyncSession, cause_id: str, part: RefundAllocation, at: datetime
) -> DocumentRow | None:
    """The statement of what was taken back of a job and is the provider's again; None when there was no statement."""
    note = "what had been taken back of the sale is yours again, less what you owed us."
    told = ("Not paid back to the customer after all", note)
    return await _restate(session, f"{cause_id}:statement_restored:{part.job_id}", part, at, sign=1, told=told)


async def read_platform(session: AsyncSession, order_id: str) -> PlatformIdentity | None:
    """Who stood on the order's invoice as its seller; None for an order paid before there were invoices."""
    invoice = await _find(session, f"{order_id}:{DocumentKind.INVOICE.value}")
    if invoice is None:
        return None
    seller = DocumentSnapshot.model_validate(invoice.snapshot).seller
    return PlatformIdentity.model_validate(seller.model_dump(include=set(PlatformIdentity.model_fields)))


async def _restate(
    session: AsyncSession, business_key: str, part: RefundAllocation, at: datetime, *, sign: int, told: tuple[str, str]
) -> DocumentRow | None:
    """A statement of the same sale with the sign; `told` is what its line and its note say."""
    description, note = told
    statement = await _find(session, _statement_key(part.job_id or ""))
    if statement is None or not part.released_minor:
        return None
    original = DocumentSnapshot.model_validate(statement.snapshot)
    rates = {line.role: line.tax_bp for line in original.lines}
    lines = (
        DocumentLine(
            description=description,
            quantity=1,
            unit="",
            unit_price_minor=None,
            amount_minor=sign * part.released_minor,
            tax_bp=rates[LineRole.SALE],
        ),
        commission_line(-sign * part.commission_minor, None, rates[LineRole.COMMISSION]),
    )
    owed_tax = -sign * part.commission_tax_minor
    booked = {"tax_minor": owed_tax, "net_minor": -sign * part.commission_minor - owed_tax}
    taxes = [tax.model_copy(update=booked) if tax.role is LineRole.COMMISSION else tax for tax in tax_lines(lines)]
    draft = Draft(
        kind=DocumentKind.SELF_BILLING,
        business_key=business_key,
        order_id=statement.order_id,
        party_id=statement.party_id,
        currency=statement.currency,
        seller=original.seller,
        buyer=original.buyer,
        lines=lines,
        taxes=taxes,
        zero_rate=original.zero_rate,
        corrects=statement.number,
        notes=(f"Corrects statement {statement.number}: {note}",),
    )
    return await _issue(session, draft, at)


async def _issue(session: AsyncSession, draft: Draft, at: datetime) -> DocumentRow:
    """The document of this business key: the one there is, else a new one with the next number."""
    issued = await _find(session, draft.business_key)
    if issued is not None:
        return issued
    series, year = SERIES[draft.kind], at.astimezone(UTC).year
    sequence = await _next(session, series, year)
    snapshot = DocumentSnapshot(
        document_id=derived_id("doc", draft.business_key),
        kind=draft.kind,
        number=format_document_number(series, year, sequence),
        issued_at=at,
        order_id=draft.order_id,
        seller=draft.seller,
        buyer=draft.buyer,
        lines=tuple(draft.lines),
        taxes=tuple(draft.taxes if draft.taxes is not None else tax_lines(draft.lines)),
        total_minor=sum(line.amount_minor for line in draft.lines),
        currency=draft.currency,
        # A statement that corrects another says so in a note.
        refers_to=draft.corrects if draft.kind is DocumentKind.CREDIT_NOTE else None,
        payment=draft.payment,
        zero_rate=draft.zero_rate,
        notes=draft.notes,
    )
    stored = snapshot.model_dump(mode="json")
    row = DocumentRow(
        id=snapshot.document_id,
        kind=draft.kind,
        number=snapshot.number,
        series=series,
        year=year,
        sequence=sequence,
        order_id=draft.order_id,
        party_id=draft.party_id,
        business_key=draft.business_key,
        refers_to=draft.corrects,
        total_minor=snapshot.total_minor,
        currency=draft.currency,
        snapshot=stored,
        snapshot_sha256=snapshot_sha256(stored),
        issued_at=at,
    )
    session.add(row)
    # No amounts and no names: customer and provider see the same timeline, but each only her own documents.
    await append_event(
        session,
        order_id=draft.order_id,
        business_key=f"{draft.business_key}:issued",
        kind=EventType.DOCUMENT_ISSUED,
        at=at,
        actor=SYSTEM,
        subject=row.id,
        data={"document_id": row.id, "kind": draft.kind.value, "number": row.number},
    )
    return row


async def _next(session: AsyncSession, series: str, year: int) -> int:
    """The next number of a series; its row stays locked until the transaction ends, and falls back with it."""
    first = insert(DocumentSeriesRow).values(series=series, year=year, last_sequence=1)
    number = await session.scalar(
        first.on_conflict_do_update(
            index_elements=["series", "year"], set_={"last_sequence": DocumentSeriesRow.last_sequence + 1}
        ).returning(DocumentSeriesRow.last_sequence)
    )
    return int(number or 0)


async def _find(session: AsyncSession, business_key: str) -> DocumentRow | None:
    await session.flush()
    return await session.scalar(select(DocumentRow).where(DocumentRow.business_key == business_key))


async def _notes_of(session: AsyncSession, refund: RefundRow) -> tuple[list[DocumentRow], list[DocumentRow]]:
    """The credit notes a refund was given, and the documents that cancelled them, oldest first."""
    of_order = select(DocumentRow).where(DocumentRow.order_id == refund.order_id)
    rows = list(await session.scalars(of_order.order_by(DocumentRow.year, DocumentRow.sequence)))
    given = [row for row in rows if row.business_key.startswith(_note_key(refund))]
    return given, [row for row in rows if row.business_key.startswith(_cancellation_key(refund))]


def _note_key(refund: RefundRow) -> str:
    return f"{refund.id}:credit_note:"


def _cancellation_key(refund: RefundRow) -> str:
    return f"{refund.id}:credit_note_cancelled:"


def _statement_key(job_id: str) -> str:
    return f"{job_id}:statement"


def _plain_party(platform: PlatformIdentity) -> DocumentParty:
    return DocumentParty(**platform.model_dump())


def _way_back(refund: RefundRow) -> str:
    if refund.route == RefundRoute.BANK:
        return f"Bank transfer {refund.reference or ''}".strip()
    return "Credit for later orders" if refund.route == RefundRoute.CREDIT else "Card"


def _netting(job: JobRow, currency: str) -> tuple[str, ...]:
    if not job.netted_minor:
        return ()
    paid = (job.payout_minor or 0) - job.netted_minor
    netted = format_money(job.netted_minor, currency)
    return (f"{netted} of the payout are kept for what you owed us; {format_money(paid, currency)} are transferred.",)
