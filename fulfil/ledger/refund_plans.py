"""Planning a refund: pure functions from what is left of an order to whose money pays it, or why it can't be paid."""

from collections.abc import Sequence

from fulfil.ledger.refundable import LineMoney, Refundable, take
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


def plan_refund(left: Refundable, scope: RefundScope, reason: RefundReason) -> RefundPlan:
    """What a refund would do now; a refusal says why not and takes nothing.

    A cancellation is written even while a chargeback is open, and waits for a person: its order has ended.
    """
    plan = RefundPlan(order_id=left.order_id, currency=left.currency, refundable_minor=left.left_minor)
    try:
        _check_state(left, reason)
        wanted = _amounts(left, scope)
        amount = sum(wanted.values())
        _check_amount(left, amount)
    except RefundRefusedError as refused:
        return plan.model_copy(update={"refusal_code": refused.code, "refusal_detail": refused.detail})
    lines = {line.line_id: line for line in left.lines}
    by_goodwill = reason is RefundReason.GOODWILL
    allocations = () if by_goodwill else allocate([(lines[name], share) for name, share in wanted.items()])
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
    )


def allocate_anew(lines: Sequence[LineMoney], plan: RefundPlan) -> tuple[RefundAllocation, ...] | None:
    """Whose money pays a planned refund by where it is now; None when so much is not left of the order.

    What its own lines can't pay any more, because a chargeback took it, is spread over the others.
    """
    asked = {part.line_id: part.amount_minor for part in plan.allocations}
    wanted = {line.line_id: min(asked.get(line.line_id, 0), line.left_minor) for line in lines}
    lacking = sum(asked.values()) - sum(wanted.values())
    rest = [line.left_minor - wanted[line.line_id] for line in lines]
    if lacking > sum(rest):
        return None
    step = max((line.step_minor for line in lines), default=1)
    for line, share in zip(lines, spread(lacking, rest, step), strict=True):
        wanted[line.line_id] += share
    return allocate([(line, wanted[line.line_id]) for line in lines])


def allocate(wanted: Sequence[tuple[LineMoney, int]]) -> tuple[RefundAllocation, ...]:
    """Whose money pays so much of each line."""
    return tuple(take(line, amount) for line, amount in wanted if amount)


def approve_by(
    plan: RefundPlan, reason: RefundReason, above: int, *, unapproved_minor: int, frozen: bool
) -> RefundPlan:
    """Say whether a second person has to agree: above the limit (whole units), after release, for goodwill.

    The limit is the order's: `unapproved_minor`, which other refunds took without a second person, counts as well. A
    cancellation needs none while its money is held: it is the customer's. `frozen` waits for a person in any case.
    """
    reasons: list[str] = [FROZEN] if frozen else []
    together = unapproved_minor + plan.amount_minor
    if together > above * 10 ** exponent(plan.currency) and reason is not RefundReason.CANCELLATION:
        reasons.append(ABOVE_LIMIT)
    if any(allocation.released_minor for allocation in plan.allocations):
        reasons.append(AFTER_RELEASE)
    if reason is RefundReason.GOODWILL:
        reasons.append(GOODWILL)
    return plan.model_copy(update={"needs_approval": bool(reasons), "approval_reasons": tuple(reasons)})


def spread(amount: int, weights: Sequence[int], step: int = 1) -> list[int]:
    """Split an amount in proportion to the weights, exactly: what rounding leaves goes to the largest remainders.

    No share exceeds its weight as long as the amount does not exceed their sum. Shares are whole steps, if whole steps
    of the weights can make up the amount.
    """
    if amount % step or amount // step > sum(weight // step for weight in weights):
        step = 1
    wanted, parts = amount // step, [weight // step for weight in weights]
    total = sum(parts)
    if total == 0:
        return [0 for _ in parts]
    shares = [wanted * part // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(wanted * parts[i] % total), i))
    for i in by_remainder[: wanted - sum(shares)]:
        shares[i] += 1
    return [share * step for share in shares]


def _check_state(left: Refundable, reason: RefundReason) -> None:
    if not left.captured:
        raise RefundRefusedError("payment_not_captured", "Nothing was captured: cancel the order instead.")
    if left.frozen and reason is not RefundReason.CANCELLATION:
        raise RefundRefusedError(
            "payment_frozen", "A chargeback is open: its card network decides about this money first."
        )
    if left.left_minor == 0:
        how = "charged back, refunded" if left.lost_minor else "refunded"
        raise RefundRefusedError("nothing_to_refund", f"Everything that was paid is {how} or being refunded.")


def _amounts(left: Refundable, scope: RefundScope) -> dict[str | None, int]:
    """How much of each line."""
    lines = [line for line in left.lines if line.line_id is not None]
    if scope.amount_minor is not None:
        return _spread_amount(left, scope, scope.amount_minor)
    if not scope.lines and not scope.shipping:
        every = list(left.lines)
        amount = min(left.left_minor, sum(line.left_minor for line in every))
        return _over(every, amount)
    asked = _named(lines, scope)
    wanted: dict[str | None, int] = {}
    for line, named in asked:
        share = line.left_minor if named is None else named
        if share > line.left_minor:
            possible = format_money(line.left_minor, left.currency)
            raise RefundRefusedError("refund_exceeds_line", f"Of line {line.line_id} {possible} are left.")
        wanted[line.line_id] = share
    if scope.shipping:
        wanted[None] = _shipping(left)
    return wanted


def _spread_amount(left: Refundable, scope: RefundScope, amount: int) -> dict[str | None, int]:
    lines = [line for line in left.lines if line.line_id is not None]
    if scope.shipping or any(part.amount_minor is not None for part in scope.lines):
        raise RefundRefusedError(
            "scope_ambiguous", "Name one amount, or lines with their amounts, or the shipping: not both."
        )
    _check_amount(left, amount)
    if scope.lines:
        lines = [line for line, _ in _named(lines, scope)]
        if amount > sum(line.left_minor for line in lines):
            possible = format_money(sum(line.left_minor for line in lines), left.currency)
            raise RefundRefusedError("refund_exceeds_line", f"Of these lines {possible} are left.")
        return _over(lines, amount)
    of_lines = min(amount, sum(line.left_minor for line in lines))
    wanted = _over(lines, of_lines)
    rest = amount - of_lines
    shipping = next((line for line in left.lines if line.line_id is None), None)
    if rest and (shipping is None or rest > shipping.left_minor):
        raise RefundRefusedError(EXCEEDS_PAID, "So much is not left of the lines and the shipping.")
    return {**wanted, None: rest} if rest else wanted


def _named(lines: Sequence[LineMoney], scope: RefundScope) -> list[tuple[LineMoney, int | None]]:
    known = {line.line_id: line for line in lines}
    names = [part.line_id for part in scope.lines]
    for name in names:
        if name not in known:
            raise RefundRefusedError("line_unknown", f"{name} is no line of this order.")
    if len(set(names)) < len(names):
        raise RefundRefusedError("line_named_twice", "Name each line once.")
    return [(known[part.line_id], part.amount_minor) for part in scope.lines]


def _shipping(left: Refundable) -> int:
    if left.shipping_minor == 0:
        raise RefundRefusedError("no_shipping_paid", "No shipping was paid for this order: there is none to refund.")
    shipping = next((line.left_minor for line in left.lines if line.line_id is None), 0)
    if shipping == 0:
        raise RefundRefusedError("nothing_to_refund", "The shipping is refunded, or being refunded.")
    return shipping


def _over(lines: Sequence[LineMoney], amount: int) -> dict[str | None, int]:
    step = max((line.step_minor for line in lines), default=1)
    shares = spread(amount, [line.left_minor for line in lines], step)
    return {line.line_id: share for line, share in zip(lines, shares, strict=True)}


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
