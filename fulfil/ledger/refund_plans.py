"""Planning a refund: pure functions from what is left of an order to whose money pays it, or why it can't be paid."""

from collections.abc import Mapping, Sequence

from fulfil.ledger.line_money import LineMoney, by_line, left_of, spread, spread_over_lines, take_of_line
from fulfil.ledger.refundable import Refundable
from fulfil.models.messages.refunds import RefundAllocation, RefundPlan, RefundReason, RefundScope
from fulfil.models.money import exponent, format_money, step_minor

ABOVE_LIMIT, AFTER_RELEASE, GOODWILL, FROZEN = "above_limit", "after_release", "goodwill", "payment_frozen"
EXCEEDS_PAID = "refund_exceeds_paid"


class RefundRefusedError(Exception):
    """What was asked for can't be paid back; `code` is for machines."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def plan_refund(left: Refundable, scope: RefundScope, reason: RefundReason, *, by_system: bool = False) -> RefundPlan:
    """What a refund would do now; a refusal says why not and takes nothing.

    What was called off is written even while a chargeback is open, and waits for a person: nobody earns it any more.
    """
    called_off = is_called_off(reason, by_system=by_system)
    plan = RefundPlan(order_id=left.order_id, currency=left.currency, refundable_minor=left.left_minor)
    try:
        _check_state(left, called_off=called_off)
        wanted = _amounts(left, scope)
        amount = sum(wanted.values())
        _check_amount(left, amount)
    except RefundRefusedError as refused:
        return plan.model_copy(update={"refusal_code": refused.code, "refusal_detail": refused.detail})
    by_goodwill = reason is RefundReason.GOODWILL
    allocations = () if by_goodwill else allocate(by_line(left.lines), wanted)
    return approve_by(
        plan.model_copy(
            update={
                "amount_minor": amount,
                "allocations": allocations,
                "goodwill_minor": amount if by_goodwill else 0,
            }
        ),
        reason,
        left.policies.refund_approval_above,
        unapproved_minor=left.unapproved_minor,
        frozen=left.frozen,
        called_off=called_off,
    )


def is_called_off(reason: RefundReason, *, by_system: bool) -> bool:
    """Whether nobody is to earn the money any more: an order or line was cancelled, or called off for being late."""
    return reason is RefundReason.CANCELLATION or (reason is RefundReason.LATE and by_system)


def allocate_anew(lines_money: Sequence[LineMoney], plan: RefundPlan) -> tuple[RefundAllocation, ...] | None:
    """Whose money pays a planned refund by where it is now; None when so much is not left of the order.

    What its own lines can't pay any more, because a chargeback took it, is spread over the others.
    """
    lines = by_line(lines_money)
    asked = dict.fromkeys(lines, 0)
    for part in plan.allocations:
        asked[part.line_id] = asked.get(part.line_id, 0) + part.amount_minor
    wanted = {name: min(asked[name], left_of(parts)) for name, parts in lines.items()}
    lacking = sum(asked.values()) - sum(wanted.values())
    rest = {name: left_of(parts) - wanted[name] for name, parts in lines.items()}
    if lacking > sum(rest.values()):
        return None
    step = max((part.step_minor for part in lines_money), default=1)
    for name, share in zip(rest, spread(lacking, list(rest.values()), step), strict=True):
        wanted[name] += share
    return allocate(lines, wanted)


def allocate(
    lines: Mapping[str | None, Sequence[LineMoney]], wanted: Mapping[str | None, int]
) -> tuple[RefundAllocation, ...]:
    """Whose money pays so much of each line."""
    return tuple(part for name, amount in wanted.items() if amount for part in take_of_line(lines[name], amount))


def approve_by(
    plan: RefundPlan, reason: RefundReason, above: int, *, unapproved_minor: int, frozen: bool, called_off: bool
) -> RefundPlan:
    """Say whether a second person has to agree: above the limit (whole units), after release, for goodwill.

    The limit is the order's: `unapproved_minor`, which other refunds took without a second person, counts as well. What
    was called off needs none while its money is held: it is the customer's. `frozen` waits for a person in any case.
    """
    reasons: list[str] = [FROZEN] if frozen else []
    together = unapproved_minor + plan.amount_minor
    if together > above * 10 ** exponent(plan.currency) and not called_off:
        reasons.append(ABOVE_LIMIT)
    if any(allocation.released_minor for allocation in plan.allocations):
        reasons.append(AFTER_RELEASE)
    if reason is RefundReason.GOODWILL:
        reasons.append(GOODWILL)
    return plan.model_copy(update={"needs_approval": bool(reasons), "approval_reasons": tuple(reasons)})


def _check_state(left: Refundable, *, called_off: bool) -> None:
    if not left.captured:
        raise RefundRefusedError("payment_not_captured", "Nothing was captured: cancel the order instead.")
    if left.frozen and not called_off:
        raise RefundRefusedError(
            "payment_frozen", "A chargeback is open: its card network decides about this money first."
        )
    if left.left_minor == 0:
        how = "charged back, refunded" if left.lost_minor else "refunded"
        raise RefundRefusedError("nothing_to_refund", f"Everything that was paid is {how} or being refunded.")


def _amounts(left: Refundable, scope: RefundScope) -> dict[str | None, int]:
    """How much of each line."""
    lines = by_line(left.lines)
    if scope.amount_minor is not None:
        return _spread_amount(left, scope, scope.amount_minor)
    if not scope.lines and not scope.shipping:
        amount = min(left.left_minor, left_of(left.lines))
        return spread_over_lines(lines, amount)
    wanted: dict[str | None, int] = {}
    for name, named in _named(lines, scope).items():
        possible_minor = left_of(lines[name])
        share = possible_minor if named is None else named
        if share > possible_minor:
            possible = format_money(possible_minor, left.currency)
            raise RefundRefusedError("refund_exceeds_line", f"Of line {name} {possible} are left.")
        wanted[name] = share
    if scope.shipping:
        wanted[None] = _shipping(left)
    return wanted


def _spread_amount(left: Refundable, scope: RefundScope, amount: int) -> dict[str | None, int]:
    lines = by_line(left.lines)
    shipping_minor = left_of(lines.pop(None, []))
    if scope.shipping or any(part.amount_minor is not None for part in scope.lines):
        raise RefundRefusedError(
            "scope_ambiguous", "Name one amount, or lines with their amounts, or the shipping: not both."
        )
    _check_amount(left, amount)
    if scope.lines:
        named = _named(lines, scope)
        lines = {name: parts for name, parts in lines.items() if name in named}
        possible_minor = sum(left_of(parts) for parts in lines.values())
        if amount > possible_minor:
            possible = format_money(possible_minor, left.currency)
            raise RefundRefusedError("refund_exceeds_line", f"Of these lines {possible} are left.")
        return spread_over_lines(lines, amount)
    of_lines = min(amount, sum(left_of(parts) for parts in lines.values()))
    wanted = spread_over_lines(lines, of_lines)
    rest = amount - of_lines
    if rest > shipping_minor:
        raise RefundRefusedError(EXCEEDS_PAID, "So much is not left of the lines and the shipping.")
    return {**wanted, None: rest} if rest else wanted


def _named(lines: Mapping[str | None, Sequence[LineMoney]], scope: RefundScope) -> dict[str | None, int | None]:
    """The lines a scope names, and how much of each it names."""
    names = [part.line_id for part in scope.lines]
    for name in names:
        if name not in lines:
            raise RefundRefusedError("line_unknown", f"{name} is no line of this order.")
    if len(set(names)) < len(names):
        raise RefundRefusedError("line_named_twice", "Name each line once.")
    return {part.line_id: part.amount_minor for part in scope.lines}


def _shipping(left: Refundable) -> int:
    if left.shipping_minor == 0:
        raise RefundRefusedError("no_shipping_paid", "No shipping was paid for this order: there is none to refund.")
    shipping = left_of(part for part in left.lines if part.line_id is None)
    if shipping == 0:
        raise RefundRefusedError("nothing_to_refund", "The shipping is refunded, or being refunded.")
    return shipping


def _check_amount(left: Refundable, amount: int) -> None:
    if amount == 0:
        raise RefundRefusedError("nothing_to_refund", "Nothing of this is left to refund.")
    if amount > left.left_minor:
        possible = format_money(left.left_minor, left.currency)
        raise RefundRefusedError(EXCEEDS_PAID, f"At most {possible} can be paid back.")
    step = step_minor(left.currency)
    if amount % step:
        least = format_money(step, left.currency)
        raise RefundRefusedError("amount_not_representable", f"Cards carry whole multiples of {least} only.")
