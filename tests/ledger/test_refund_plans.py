"""Whose money pays a refund: exact to the cent, never negative, never more than is left, whatever is asked for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.ledger.line_money import LineMoney, spread, take
from fulfil.ledger.refund_plans import plan_refund
from fulfil.ledger.refundable import Refundable
from fulfil.models.ids import new_id
from fulfil.models.messages.policies import OrderPolicies
from fulfil.models.messages.refunds import RefundLine, RefundPlan, RefundReason, RefundScope
from fulfil.models.money import split_commission

CENTS = st.integers(0, 10_000_000)


@st.composite
def line_money(draw: st.DrawFn) -> LineMoney:
    """A line of which a part was released: a commission of it, and tax in that."""
    released = draw(CENTS)
    commission = draw(st.integers(0, released))
    return LineMoney(
        line_id=new_id("lin"),
        held_minor=draw(CENTS),
        released_minor=released,
        provider_share_minor=released - commission,
        commission_minor=commission,
        commission_tax_minor=draw(st.integers(0, commission)),
        job_id=new_id("job"),
        provider_id=new_id("prv"),
    )


def refundable(*lines: LineMoney, left: int | None = None, shipping: int = 0, frozen: bool = False) -> Refundable:
    """An order with these lines, all of it captured."""
    every = [*lines, *([LineMoney(line_id=None, held_minor=shipping)] if shipping else [])]
    return Refundable(
        order_id=new_id("ord"),
        currency="eur",
        payment_state="captured",
        captured=True,
        frozen=frozen,
        left_minor=sum(line.left_minor for line in every) if left is None else left,
        shipping_minor=shipping,
        policies=OrderPolicies(),
        lines=every,
    )


def held(amount: int) -> LineMoney:
    """A line nothing of which was released."""
    return LineMoney(line_id=new_id("lin"), held_minor=amount)


def planned(left: Refundable, reason: RefundReason = RefundReason.QUALITY, **scope: Any) -> RefundPlan:
    """The plan."""
    return plan_refund(left, RefundScope.model_validate(scope), reason)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), max_size=8))
def test_spreading_is_exact_and_as_even_as_cents_allow(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    amount = min(amount, total)
    shares = spread(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share <= weight
        assert not total or abs(share * total - amount * weight) < total


@given(line_money(), st.lists(st.integers(1, 99), max_size=8))
def test_a_line_taken_in_any_parts_gives_back_every_share_to_the_last_cent(
    line: LineMoney, percents: list[int]
) -> None:
    left = line
    for percent in [*percents, 100]:
        amount = left.left_minor * percent // 100
        part = take(left, amount)
        left = left.less(part)
        assert part.amount_minor == amount
        assert part.released_minor == part.provider_share_minor + part.commission_minor
        assert not part.released_minor or left.held_minor == 0
        assert 0 <= part.commission_tax_minor <= part.commission_minor
        assert min(part.held_minor, part.provider_share_minor) >= 0
        assert left.released_minor == left.provider_share_minor + left.commission_minor
        assert 0 <= left.commission_tax_minor <= left.commission_minor
        assert min(left.held_minor, left.provider_share_minor) >= 0
    assert left.left_minor == left.provider_share_minor == left.commission_minor == left.commission_tax_minor == 0


@st.composite
def money_in_steps(draw: st.DrawFn) -> LineMoney:
    """A line in a currency that travels in tens, as its release splits it."""
    held_minor, released = draw(CENTS) * 10, draw(CENTS) * 10
    payout, commission = split_commission(released, draw(st.integers(0, 10_000)), "kwd")
    return LineMoney(
        line_id=new_id("lin"),
        held_minor=held_minor,
        released_minor=released,
        provider_share_minor=payout,
        commission_minor=commission,
        commission_tax_minor=draw(st.integers(0, commission)),
        step_minor=10,
    )


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), max_size=8), st.sampled_from([1, 10, 100]))
def test_spreading_in_steps_is_exact_and_in_steps(amount: int, weights: list[int], step: int) -> None:
    amount = min(amount, sum(weights)) * step
    weights = [weight * step for weight in weights]
    shares = spread(amount, weights, step)
    assert sum(shares) == amount
    assert not any(share % step for share in shares)
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.integers(1, 100))
def test_spreading_by_weights_that_are_no_steps_is_exact_all_the_same(weights: list[int], percent: int) -> None:
    amount = sum(weights) * percent // 100
    shares = spread(amount, weights, 10)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(money_in_steps(), st.lists(st.integers(1, 99), max_size=8))
def test_in_a_currency_that_travels_in_tens_a_provider_gives_back_tens(line: LineMoney, percents: list[int]) -> None:
    left = line
    for percent in [*percents, 100]:
        part = take(left, left.left_minor * percent // 1_000 * 10)
        left = left.less(part)
        assert part.provider_share_minor % 10 == 0
        assert part.released_minor == part.provider_share_minor + part.commission_minor
        assert min(part.commission_minor, part.provider_share_minor) >= 0
        assert min(left.commission_minor, left.provider_share_minor, left.commission_tax_minor) >= 0
    last = take(left, left.left_minor)
    assert (last.provider_share_minor, last.commission_minor) == (left.provider_share_minor, left.commission_minor)


@pytest.mark.parametrize(("currency", "amount", "step"), [("kwd", 1_005, "0.010 KWD"), ("mga", 1_050, "1.00 MGA")])
def test_what_no_card_carries_is_refused_with_the_step(currency: str, amount: int, step: str) -> None:
    left = replace(refundable(held(100_000)), currency=currency)
    plan = planned(left, amount_minor=amount)
    assert (plan.refusal_code, plan.amount_minor) == ("amount_not_representable", 0)
    assert step in (plan.refusal_detail or "")
    assert planned(left, amount_minor=amount - amount % 100).refusal_code is None


@given(st.lists(line_money(), min_size=1, max_size=5), CENTS, st.integers(1, 10**8))
def test_an_amount_is_planned_exactly_or_refused(lines: list[LineMoney], shipping: int, amount: int) -> None:
    left = refundable(*lines, shipping=shipping)
    plan = planned(left, amount_minor=amount)
    if plan.refusal_code is not None:
        assert amount > left.left_minor or left.left_minor == 0
        assert plan.amount_minor == 0
        return
    assert plan.amount_minor == amount == sum(part.amount_minor for part in plan.allocations)
    by_line = {line.line_id: line for line in left.lines}
    assert all(part.amount_minor <= by_line[part.line_id].left_minor for part in plan.allocations)


def test_everything_left_is_paid_back_when_nothing_is_named() -> None:
    plan = planned(refundable(held(3_000), held(7_000), shipping=500))
    assert (plan.amount_minor, len(plan.allocations)) == (10_500, 3)


def test_an_amount_is_spread_in_proportion_with_the_odd_cent_to_the_largest_remainder() -> None:
    lines = [held(1_000), held(1_000), held(1_000)]
    plan = planned(refundable(*lines), amount_minor=1_000)
    assert sorted(part.held_minor for part in plan.allocations) == [333, 333, 334]


def test_lines_are_paid_back_by_their_amounts_or_wholly() -> None:
    first, second, third = held(1_000), held(2_000), held(3_000)
    named = (RefundLine(line_id=first.line_id or "", amount_minor=400), RefundLine(line_id=second.line_id or ""))
    plan = planned(refundable(first, second, third), lines=named)
    assert [part.held_minor for part in plan.allocations] == [400, 2_000]


def test_an_amount_of_some_lines_is_spread_over_these() -> None:
    first, second = held(1_000), held(2_000)
    plan = planned(refundable(first, second), amount_minor=900, lines=(RefundLine(line_id=second.line_id or ""),))
    assert [(part.line_id, part.held_minor) for part in plan.allocations] == [(second.line_id, 900)]


def test_an_amount_beyond_the_lines_takes_the_rest_of_the_shipping() -> None:
    plan = planned(refundable(held(1_000), shipping=500), amount_minor=1_200)
    assert {part.line_id: part.held_minor for part in plan.allocations if part.line_id is None} == {None: 200}


def test_the_shipping_alone_is_paid_back_when_some_was_paid() -> None:
    assert planned(refundable(held(1_000), shipping=500), shipping=True).amount_minor == 500
    assert planned(refundable(held(1_000)), shipping=True).refusal_code == "no_shipping_paid"


LINE = held(1_000)


@pytest.mark.parametrize(
    ("left", "scope", "code"),
    [
        (refundable(held(1_000)), {"amount_minor": 1_001}, "refund_exceeds_paid"),
        (refundable(held(1_000), left=200), {"amount_minor": 201}, "refund_exceeds_paid"),
        (refundable(held(1_000), left=0), {}, "nothing_to_refund"),
        (refundable(LINE), {"lines": [{"line_id": LINE.line_id, "amount_minor": 1_001}]}, "refund_exceeds_line"),
        (refundable(LINE), {"lines": [{"line_id": LINE.line_id, "amount_minor": 0}]}, "nothing_to_refund"),
        (refundable(LINE), {"lines": [{"line_id": new_id("lin")}]}, "line_unknown"),
        (refundable(LINE), {"lines": [{"line_id": LINE.line_id}] * 2}, "line_named_twice"),
        (refundable(LINE, shipping=1), {"amount_minor": 1, "shipping": True}, "scope_ambiguous"),
        (
            refundable(LINE),
            {"amount_minor": 1, "lines": [{"line_id": LINE.line_id, "amount_minor": 1}]},
            "scope_ambiguous",
        ),
        (refundable(held(1_000), frozen=True), {}, "payment_frozen"),
    ],
)
def test_what_can_not_be_paid_back_says_why(left: Refundable, scope: dict[str, Any], code: str) -> None:
    plan = planned(left, **scope)
    assert (plan.refusal_code, plan.amount_minor, plan.allocations) == (code, 0, ())
    assert plan.refusal_detail


@pytest.mark.parametrize(("lost", "told"), [(0, "is refunded or being"), (400, "is charged back, refunded or being")])
def test_what_is_all_gone_tells_where_it_went(lost: int, told: str) -> None:
    plan = planned(replace(refundable(held(1_000), left=0), lost_minor=lost))
    assert told in (plan.refusal_detail or "")


@pytest.mark.parametrize(
    ("currency", "amount", "needs"),
    [("eur", 50_000, False), ("eur", 50_001, True), ("jpy", 500, False), ("jpy", 501, True), ("bhd", 500_010, True)],
)
def test_the_limit_is_in_whole_units_of_the_currency(currency: str, amount: int, needs: bool) -> None:
    left = refundable(held(10_000_000))
    left = replace(left, currency=currency)
    assert planned(left, amount_minor=amount).needs_approval is needs


def test_goodwill_takes_nothing_of_any_line() -> None:
    plan = planned(refundable(held(1_000)), RefundReason.GOODWILL, amount_minor=300)
    assert (plan.goodwill_minor, plan.allocations, plan.approval_reasons) == (300, (), ("goodwill",))


def test_a_cancellation_of_held_money_needs_nobody_and_waits_while_a_chargeback_is_open() -> None:
    free = planned(refundable(held(100_000)), RefundReason.CANCELLATION)
    waiting = planned(refundable(held(100_000), frozen=True), RefundReason.CANCELLATION)
    assert (free.needs_approval, waiting.approval_reasons) == (False, ("payment_frozen",))
