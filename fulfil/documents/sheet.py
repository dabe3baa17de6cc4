"""What stands on a page, worked out before it is laid out: every text printable, every figure written."""

from collections.abc import Iterator
from dataclasses import dataclass

from fulfil.documents.figures import amount, amount_with_currency, day, rate
from fulfil.documents.texts import printable, printable_lines
from fulfil.documents.wording import SELF_BILLING_NOTE, TAX_INCLUDED, Wording, wording_of, zero_rate_note
from fulfil.models.messages.documents import (
    DocumentKind,
    DocumentLine,
    DocumentParty,
    DocumentSnapshot,
    LineRole,
    TaxLine,
)


@dataclass(frozen=True)
class Party:
    """A block of an address."""

    label: str
    name: str
    lines: list[str]


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    description: str
    quantity: str
    unit_price: str
    tax: str
    amount: str


@dataclass(frozen=True)
class Section:
    """Rows under one heading, which is empty where a page has only one kind of rows."""

    heading: str
    rows: list[Row]


@dataclass(frozen=True)
class Sum:
    """A line below the table; a strong one is the result."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True)
class Sheet:
    """A page's content in the order it is read; nothing of it is markup."""

    title: str
    number: str
    headline: str
    seller: Party
    buyer: Party
    facts: list[tuple[str, str]]
    currency: str
    sections: list[Section]
    sums: list[Sum]
    notes: list[str]


def sheet_of(snapshot: DocumentSnapshot) -> Sheet:
    """The page of a snapshot; amounts are only written and added up, never worked out anew."""
    wording = wording_of(snapshot)
    return Sheet(
        title=wording.title,
        number=snapshot.number,
        headline=_headline(snapshot, wording),
        seller=_party(wording.seller, snapshot.seller),
        buyer=_party(wording.buyer, snapshot.buyer),
        facts=list(_facts(snapshot, wording)),
        currency=snapshot.currency.upper(),
        sections=list(_sections(snapshot)),
        sums=list(_payout_sums(snapshot) if snapshot.kind is DocumentKind.SELF_BILLING else _sums(snapshot, wording)),
        notes=list(_notes(snapshot)),
    )


def _headline(snapshot: DocumentSnapshot, wording: Wording) -> str:
    # "-12.00 EUR credited" would say it twice.
    money = amount_with_currency(abs(snapshot.total_minor), snapshot.currency)
    if snapshot.payment:
        return wording.settled.format(amount=money, day=day(snapshot.payment.paid_at))
    return wording.open.format(amount=money)


def _party(label: str, party: DocumentParty) -> Party:
    lines = [printable(line) for line in party.address_lines]
    if party.vat_id:
        lines.append(f"VAT ID {printable(party.vat_id)}")
    if party.email:
        lines.append(printable(party.email))
    return Party(label=label, name=printable(party.name), lines=[line for line in lines if line])


def _facts(snapshot: DocumentSnapshot, wording: Wording) -> Iterator[tuple[str, str]]:
    yield wording.number, snapshot.number
    if snapshot.refers_to:
        yield wording.corrects, snapshot.refers_to
    yield "Date of issue", day(snapshot.issued_at)
    if snapshot.supplied_on:
        yield "Date of supply", day(snapshot.supplied_on)
    if snapshot.payment:
        yield wording.method, printable(snapshot.payment.method)
    yield "Order", snapshot.order_id


def _sections(snapshot: DocumentSnapshot) -> Iterator[Section]:
    for role, heading in ((LineRole.SALE, "Sales"), (LineRole.COMMISSION, "Kept by the platform")):
        rows = [_row(line, snapshot.currency) for line in snapshot.lines if line.role is role]
        if rows:
            yield Section(heading=heading if snapshot.kind is DocumentKind.SELF_BILLING else "", rows=rows)


def _row(line: DocumentLine, currency: str) -> Row:
    return Row(
        description=printable(line.description),
        quantity=f"{line.quantity:,}\u00a0{printable(line.unit)}".strip(),
        unit_price="" if line.unit_price_minor is None else amount(line.unit_price_minor, currency),
        tax=rate(line.tax_bp),
        amount=amount(line.amount_minor, currency),
    )


def _sums(snapshot: DocumentSnapshot, wording: Wording) -> Iterator[Sum]:
    yield Sum("Total excluding tax", amount(sum(tax.net_minor for tax in snapshot.taxes), snapshot.currency))
    for tax in snapshot.taxes:
        yield _tax_sum("Tax", tax, snapshot.currency)
    total = amount_with_currency(snapshot.total_minor, snapshot.currency)
    if snapshot.kind is not DocumentKind.INVOICE:
        yield Sum(wording.total, total, strong=True)
        return
    yield Sum(wording.total, total)
    due_minor = 0 if snapshot.payment else snapshot.total_minor
    if snapshot.payment:
        yield Sum("Amount paid", total)
    yield Sum("Amount due", amount_with_currency(due_minor, snapshot.currency), strong=True)


def _payout_sums(snapshot: DocumentSnapshot) -> Iterator[Sum]:
    """Gross sales, what tax they hold, commission and its tax, payout: the order a provider reads it in."""
    currency = snapshot.currency
    sales = [tax for tax in snapshot.taxes if tax.role is LineRole.SALE]
    kept = [tax for tax in snapshot.taxes if tax.role is LineRole.COMMISSION]
    yield Sum("Sales excluding tax", amount(sum(tax.net_minor for tax in sales), currency))
    for tax in sales:
        yield _tax_sum("Tax", tax, currency)
    yield Sum("Gross sales", amount(sum(tax.gross_minor for tax in sales), currency))
    yield Sum("Commission", amount(sum(tax.net_minor for tax in kept), currency))
    for tax in kept:
        yield _tax_sum("Commission tax", tax, currency)
    yield Sum("Payout", amount_with_currency(snapshot.total_minor, currency), strong=True)


def _tax_sum(label: str, tax: TaxLine, currency: str) -> Sum:
    return Sum(f"{label} {rate(tax.tax_bp)} on {amount(tax.net_minor, currency)}", amount(tax.tax_minor, currency))


def _notes(snapshot: DocumentSnapshot) -> Iterator[str]:
    if snapshot.kind is DocumentKind.SELF_BILLING:
        yield SELF_BILLING_NOTE
    zero_rate = zero_rate_note(snapshot)
    if zero_rate:
        yield zero_rate
    if any(tax.tax_bp for tax in snapshot.taxes):
        yield TAX_INCLUDED
    for note in snapshot.notes:
        yield from printable_lines(note)
