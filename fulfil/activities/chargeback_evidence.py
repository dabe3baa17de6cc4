"""The evidence against a chargeback: what order, timeline, shipment and customer prove, in the bank's fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.models.messages.documents import DocumentKind, DocumentSnapshot
from fulfil.models.messages.events import EventType
from fulfil.models.messages.parties import ActorKind, Role
from fulfil.models.money import format_money
from fulfil.models.tables.accounts import AccountRow, BillingDetailsRow
from fulfil.models.tables.documents import DocumentRow
from fulfil.models.tables.jobs import ProductionRow
from fulfil.models.tables.orders import OrderLineRow, OrderRow
from fulfil.models.tables.payments import ChargebackRow, ChargebackStatementRow, PaymentRow, RefundRow
from fulfil.models.tables.quotes import FileRow, QuoteItemRow
from fulfil.models.tables.timeline import EventRow

# The card networks read no more of a field; all fields together stay below their 150,000.
LONGEST_TEXT = 20_000
BILLS = (DocumentKind.INVOICE, DocumentKind.RECEIPT)
CUT = "\n[…]"

Fact = Callable[[Mapping[str, Any]], str]
# What a bank has a use for, in words; everything else on a timeline is our own business.
TELLING: Mapping[EventType, Fact] = {
    EventType.ORDER_PLACED: lambda _: "the customer placed the order at the price shown to her",
    EventType.PAYMENT_ACTION_REQUIRED: lambda _: "the customer's bank asked her to confirm the payment (3-D Secure)",
    EventType.PAYMENT_AUTHORIZED: lambda _: "the customer's bank authorised the payment",
    EventType.PAYMENT_CAPTURED: lambda _: "the payment was taken, after a workshop had accepted the job",
    EventType.PAYMENT_REFUNDED: lambda data: f"{_amount(data)} were refunded",
    EventType.REFUND_REQUESTED: lambda data: f"a refund was asked for{_more(data, 'reason', ' ({})')}",
    EventType.REFUND_REJECTED: lambda data: f"the refund was refused{_more(data, 'reason', ': {}')}",
    EventType.JOB_ACCEPTED: lambda _: "a workshop accepted the job",
    EventType.JOB_STARTED: lambda _: "production to the customer's own files began",
    EventType.JOB_PROGRESSED: lambda data: f"production is at {data.get('percent', 0)} %",
    EventType.JOB_QUALITY_PASSED: lambda data: f"the quality check passed{_checks(data)}",
    EventType.JOB_QUALITY_FAILED: lambda _: "a quality check failed, and the part was made again",
    EventType.JOB_SHIPPED: lambda data: (
        f"shipped{_more(data, 'carrier', ' with {}')}{_more(data, 'tracking_number', ', tracking number {}')}"
    ),
    EventType.JOB_DELIVERED: lambda _: "delivered",
    EventType.JOB_APPROVED: lambda data: (
        "the customer did not object within the time agreed"
        if data.get("by_silence")
        else "the customer approved the delivery"
    ),
    EventType.ORDER_CANCELLED: lambda _: "the order was cancelled",
}
CLAIMS: Mapping[str, str] = {
    "credit_not_processed": "The claim is that a refund was not made. What was refunded is listed below.",
    "duplicate": "The claim is a duplicate charge. This order was charged once; every charge belongs to its own order.",
    "fraudulent": "The claim is that the cardholder did not order. She did, through her own account, as listed below.",
    "product_not_received": "The claim is that nothing arrived. Production, shipment and delivery are listed below.",
    "product_unacceptable": (
        "The claim is that the product is not as described. It was made to the customer's own files and checked."
    ),
    "unrecognized": "The claim is that the charge is unknown to the cardholder. It paid for the order described below.",
}
GENERAL_CLAIM = "The order was made to the customer's own files, as listed below."


@dataclass(frozen=True)
class _Case:
    """Everything that is known of the order."""

    chargeback: ChargebackRow
    order: OrderRow
    payment: PaymentRow
    lines: Sequence[OrderLineRow]
    files: Sequence[tuple[str, str]]
    productions: Sequence[ProductionRow]
    refunds: Sequence[RefundRow]
    events: Sequence[EventRow]
    statements: Sequence[str]
    account: AccountRow | None
    billing: BillingDetailsRow | None


async def collect(session: AsyncSession, row: ChargebackRow) -> dict[str, str]:
    """The fields of a `DisputeEvidence` with their texts; personal data is the customer's name, e-mail and address."""
    case = await _read(session, row)
    fields = {
        "product_description": _product(case),
        "uncategorized_text": _story(case),
        **_customer(case),
        **_shipment(case),
        **_answer_to(case),
    }
    return {name: _cut(text) for name, text in fields.items() if text}


async def find_bill(session: AsyncSession, order_id: str) -> tuple[str, DocumentSnapshot] | None:
    """The customer's invoice or receipt for the order and its id; the latest, when there are several."""
    bills = (
        select(DocumentRow)
        .where(DocumentRow.order_id == order_id, DocumentRow.kind.in_(BILLS))
        .order_by(DocumentRow.issued_at.desc(), DocumentRow.id.desc())
        .limit(1)
    )
    row = await session.scalar(bills)
    return None if row is None else (row.id, DocumentSnapshot.model_validate(row.snapshot))


async def _read(session: AsyncSession, row: ChargebackRow) -> _Case:
    order_id = row.order_id
    order = await session.get_one(OrderRow, order_id)
    lines = list(await session.scalars(select(OrderLineRow).where(OrderLineRow.order_id == order_id)))
    files = (
        select(FileRow.name, FileRow.sha256)
        .join(QuoteItemRow, QuoteItemRow.file_id == FileRow.id)
        .where(QuoteItemRow.quote_id.in_([line.quote_id for line in lines]))
        .order_by(QuoteItemRow.quote_id, QuoteItemRow.position)
    )
    made = select(ProductionRow).where(ProductionRow.order_id == order_id).order_by(ProductionRow.started_at)
    refunds = select(RefundRow).where(RefundRow.order_id == order_id).order_by(RefundRow.requested_at)
    events = select(EventRow).where(EventRow.order_id == order_id).order_by(EventRow.sequence)
    statements = (
        select(ChargebackStatementRow.text)
        .where(ChargebackStatementRow.chargeback_id == row.id)
        .order_by(ChargebackStatementRow.created_at, ChargebackStatementRow.id)
    )
    account = select(AccountRow).where(AccountRow.party_id == order.customer_id, AccountRow.role == Role.CUSTOMER)
    return _Case(
        chargeback=row,
        order=order,
        payment=await session.get_one(PaymentRow, order_id),
        lines=lines,
        files=[(name, sha256) for name, sha256 in await session.execute(files)],
        productions=list(await session.scalars(made)),
        refunds=list(await session.scalars(refunds)),
        events=list(await session.scalars(events)),
        statements=list(await session.scalars(statements)),
        account=await session.scalar(account.order_by(AccountRow.created_at).limit(1)),
        billing=await session.get(BillingDetailsRow, order.customer_id),
    )


def _product(case: _Case) -> str:
    lines = [
        # The title says how many of each file.
        f"{line.title}: {_how(line)}, {format_money(line.amount_minor, line.currency)}"
        for line in case.lines
    ]
    files = [f"Customer's file {name}, SHA-256 {sha256}" for name, sha256 in case.files]
    return "\n".join([*lines, *files])


def _how(line: OrderLineRow) -> str:
    return f"made to order by {line.process} in {line.material}" if line.process else "a service, by milestones"


def _customer(case: _Case) -> dict[str, str]:
    billing, account = case.billing, case.account
    name = billing.name if billing else account.name if account else ""
    address = [billing.name, *billing.address_lines, billing.country] if billing else []
    return {
        "customer_name": name,
        "customer_email_address": account.email if account else "",
        "billing_address": "\n".join(address),
    }


def _shipment(case: _Case) -> dict[str, str]:
    """The carrier's proof, of the latest shipment when the work was given to another workshop."""
    shipped = [made for made in case.productions if made.shipped_at is not None]
    delivered = [made.delivered_at for made in case.productions if made.delivered_at is not None]
    fields = {"service_date": _day(max(delivered))} if delivered else {}
    if shipped:
        latest = max(shipped, key=lambda made: made.shipped_at or made.start_due_at)
        fields["shipping_date"] = _day(latest.shipped_at) if latest.shipped_at else ""
        fields["shipping_carrier"] = latest.carrier or ""
        fields["shipping_tracking_number"] = latest.tracking_number or ""
    return fields


def _answer_to(case: _Case) -> dict[str, str]:
    """The fields a bank looks for first, by what the cardholder claims."""
    reason = case.chargeback.reason
    if reason in ("fraudulent", "unrecognized"):
        own = [event for event in case.events if event.actor_kind == ActorKind.CUSTOMER]
        return {"access_activity_log": "\n".join(_told(own))}
    if reason in ("credit_not_processed", "product_unacceptable"):
        return {"refund_refusal_explanation": _refunds(case)}
    if reason == "duplicate":
        taken = format_money(case.payment.amount_minor, case.payment.currency)
        return {
            "duplicate_charge_explanation": f"Order {case.order.id} was charged once: {taken}, "
            f"charge {case.payment.charge_id}. Any other charge paid for another order."
        }
    return {}


def _refunds(case: _Case) -> str:
    paid_back = [
        f"{_day(refund.requested_at)}: refund of {format_money(refund.amount_minor, refund.currency)}, {refund.state}"
        for refund in case.refunds
    ]
    if paid_back:
        return "\n".join(paid_back)
    approved = any(event.type == EventType.JOB_APPROVED for event in case.events)
    why = "and the delivery was approved" if approved else "and the work was made to the customer's own files"
    return f"No refund was agreed: the product passed its quality check {why}."


def _story(case: _Case) -> str:
    """The claim answered, support's own words, then the timeline."""
    claim = CLAIMS.get(case.chargeback.reason, GENERAL_CLAIM)
    opening = (
        f"Order {case.order.id} of {_day(case.order.placed_at)}, "
        f"{format_money(case.order.total_minor, case.order.currency)}, made to order. {claim}"
    )
    return "\n\n".join(part for part in (opening, *case.statements, "\n".join(_told(case.events))) if part)


def _told(events: Sequence[EventRow]) -> list[str]:
    return [
        f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {TELLING[EventType(event.type)](event.data)}"
        for event in events
        if EventType(event.type) in TELLING
    ]


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _amount(data: Mapping[str, Any]) -> str:
    return format_money(int(data.get("amount_minor", 0)), str(data.get("currency", "eur")))


def _more(data: Mapping[str, Any], name: str, phrase: str) -> str:
    return phrase.format(data[name]) if data.get(name) else ""


def _checks(data: Mapping[str, Any]) -> str:
    passed = [str(check["name"]) for check in data.get("checks", ()) if check.get("passed")]
    return f" ({', '.join(passed)})" if passed else ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - len(CUT)] + CUT
