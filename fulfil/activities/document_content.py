"""What stands on a document: parties by their own details, lines by the quote they were bought from, why no tax."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from fulfil.documents.figures import rate
from fulfil.ledger.line_money import spread
from fulfil.models.countries import COUNTRIES
from fulfil.models.messages.documents import DocumentLine, DocumentParty, LineRole, ZeroRate
from fulfil.models.messages.prices import PriceLine
from fulfil.models.messages.refunds import RefundPlan
from fulfil.models.tables.accounts import AccountRow, BillingDetailsRow, ProviderRow
from fulfil.models.tables.orders import OrderLineRow
from fulfil.models.tables.payments import PaymentRow, RefundRow
from fulfil.models.tables.quotes import FileRow, QuoteItemRow, QuoteRow

PIECES = "pcs"
PROCESSES = {"fdm": "filament printing", "resin": "resin printing", "laser": "laser cutting"}
# A document has room for 2,000 lines; a larger order is told in one line each.
MOST_CHARGES = 1_900


async def read_party(session: AsyncSession, party_id: str) -> DocumentParty:
    """A customer or provider by her billing details, else by the name she goes by; her e-mail is her sign-in's."""
    billing = await session.get(BillingDetailsRow, party_id)
    provider = await session.get(ProviderRow, party_id)
    first = select(AccountRow).where(AccountRow.party_id == party_id)
    account = await session.scalar(first.order_by(AccountRow.created_at, AccountRow.id).limit(1))
    email = account.email[:300] if account else None
    if billing is not None:
        lines = (*billing.address_lines, COUNTRIES.get(billing.country, billing.country))
        return DocumentParty(name=billing.name, address_lines=lines, vat_id=billing.vat_id, email=email)
    if provider is not None:
        return DocumentParty(name=provider.name, email=email)
    return DocumentParty(name=account.name if account else party_id, email=email)


async def read_order_lines(session: AsyncSession, order_id: str) -> list[OrderLineRow]:
    """The lines of an order, in their order."""
    lines = (
        select(OrderLineRow).where(OrderLineRow.order_id == order_id).order_by(OrderLineRow.position, OrderLineRow.id)
    )
    return list(await session.scalars(lines))


async def paid_lines(
    session: AsyncSession, payment: PaymentRow, lines: Sequence[OrderLineRow]
) -> tuple[DocumentLine, ...]:
    """Everything that was paid for, to the minor unit: each line by its quote, and what comes on top."""
    charged = [charge for line in lines for charge in await sold_charges(session, line, tax_bp=line.tax_bp)]
    if len(charged) > MOST_CHARGES:
        charged = [_whole(line, line.amount_minor, line.tax_bp) for line in lines]
    rest = payment.amount_minor - sum(charge.amount_minor for charge in charged)
    if rest:
        charged.append(_plain("Shipping", rest, tax_bp=max((line.tax_bp for line in lines), default=0)))
    return tuple(charged)


async def sold_charges(
    session: AsyncSession, line: OrderLineRow, *, tax_bp: int, amount_minor: int | None = None, part: str = ""
) -> list[DocumentLine]:
    """An order line by its quote: a line per file, and its part of what was charged once.

    One line for a service, and when less than all was sold; `part` names the milestone.
    """
    sold = line.amount_minor if amount_minor is None else amount_minor
    if line.quote_id is None or sold != line.amount_minor:
        return [_whole(line, sold, tax_bp, part)]
    quote = await session.get(QuoteRow, line.quote_id)
    query = (
        select(QuoteItemRow, FileRow.name)
        .join(FileRow, FileRow.id == QuoteItemRow.file_id)
        .where(QuoteItemRow.quote_id == line.quote_id, QuoteItemRow.amount_minor > 0)
        .order_by(QuoteItemRow.position)
    )
    if line.positions is not None:
        query = query.where(QuoteItemRow.position.in_(line.positions))
    charges = [_item(item, name, tax_bp) for item, name in await session.execute(query)]
    once = [PriceLine.model_validate(each) for each in quote.lines] if quote else []
    rest = sold - sum(charge.amount_minor for charge in charges)
    if rest == sum(each.amount_minor for each in once):
        charges += [_plain(each.title, each.amount_minor, tax_bp=tax_bp) for each in once if each.amount_minor]
    elif charges and once and rest:
        titles = ", ".join(each.title for each in once)
        charges.append(_plain(f"{titles} (part of the quote's)", rest, tax_bp=tax_bp))
    if len(charges) > MOST_CHARGES or sum(charge.amount_minor for charge in charges) != sold:
        return [_whole(line, sold, tax_bp)]
    return charges


def credited_lines(refund: RefundRow, lines: Sequence[OrderLineRow]) -> tuple[DocumentLine, ...]:
    """What a refund gives back, by the lines it was allocated to; goodwill goes by the amounts of all lines."""
    by_id = {line.id: line for line in lines}
    highest = max((line.tax_bp for line in lines), default=0)
    of_line: dict[str | None, int] = {}
    for part in RefundPlan.model_validate(refund.plan).allocations:
        of_line[part.line_id] = of_line.get(part.line_id, 0) + part.amount_minor
    credited: list[DocumentLine] = []
    for line_id, amount_minor in of_line.items():
        line = by_id.get(line_id or "")
        title = f"Refund: {line.title}" if line else "Refund: shipping"
        credited.append(_plain(title, -amount_minor, tax_bp=line.tax_bp if line else highest))
    rest = refund.amount_minor + sum(credit.amount_minor for credit in credited)
    shares = spread(rest, [line.amount_minor for line in lines])
    credited += [
        _plain(f"Reduction: {line.title}", -share, tax_bp=line.tax_bp)
        for line, share in zip(lines, shares, strict=True)
        if share
    ]
    return tuple(credited)


def commission_line(amount_minor: int, commission_bp: int | None, tax_bp: int) -> DocumentLine:
    """What the platform keeps of a sale (negative) or gives back of it."""
    share = "" if commission_bp is None else f", {rate(commission_bp)} of sales"
    return _plain(f"Commission{share}", amount_minor, tax_bp=tax_bp).model_copy(update={"role": LineRole.COMMISSION})


def zero_rate_of(lines: Iterable[DocumentLine], seller: DocumentParty, buyer: DocumentParty) -> ZeroRate | None:
    """Why something bears no tax, when something does not; said outright, so that no page has to guess."""
    if all(line.tax_bp for line in lines):
        return None
    if not seller.vat_id:
        return ZeroRate.NOT_REGISTERED
    return ZeroRate.REVERSE_CHARGE if crosses_border(seller, buyer) else ZeroRate.EXEMPT


def sales_tax_bp(seller: DocumentParty, buyer: DocumentParty, tax_bp: int) -> int:
    """The rate of a provider's sale to the platform: none unless she is registered, and in the same country."""
    return tax_bp if seller.vat_id and not crosses_border(seller, buyer) else 0


def crosses_border(seller: DocumentParty, buyer: DocumentParty) -> bool:
    """Whether both are registered, in two countries: VAT ids open with the country's letters."""
    return bool(seller.vat_id and buyer.vat_id and seller.vat_id[:2] != buyer.vat_id[:2])


def reversed_lines(lines: Iterable[DocumentLine]) -> tuple[DocumentLine, ...]:
    """The same lines with their opposite amounts."""
    return tuple(
        line.model_copy(
            update={
                "amount_minor": -line.amount_minor,
                "unit_price_minor": None if line.unit_price_minor is None else -line.unit_price_minor,
            }
        )
        for line in lines
    )


def _item(item: QuoteItemRow, name: str, tax_bp: int) -> DocumentLine:
    each, rest = divmod(item.amount_minor, item.quantity)
    return DocumentLine(
        description=f"{name}: {_made(item.process, item.material)}",
        quantity=item.quantity,
        unit=PIECES,
        # A price that does not divide is not shown rounded.
        unit_price_minor=None if rest else each,
        amount_minor=item.amount_minor,
        tax_bp=tax_bp,
    )


def _whole(line: OrderLineRow, amount_minor: int, tax_bp: int, part: str = "") -> DocumentLine:
    what = _made(line.process, line.material) if line.process else part
    return DocumentLine(
        description=f"{line.title}: {what}" if what else line.title,
        quantity=line.quantity,
        unit=PIECES,
        unit_price_minor=None,
        amount_minor=amount_minor,
        tax_bp=tax_bp,
    )


def _plain(description: str, amount_minor: int, *, tax_bp: int) -> DocumentLine:
    return DocumentLine(
        description=description, quantity=1, unit="", unit_price_minor=None, amount_minor=amount_minor, tax_bp=tax_bp
    )


def _made(process: str, material: str) -> str:
    return f"{PROCESSES.get(process, process.replace('_', ' '))} in {material}"
