"""The parts of a line: whatever is taken of it in whatever order, every part keeps what is its own to the cent."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fulfil.ledger.line_money import LineMoney, left_of, less_taken, take_of_line
from fulfil.models.ids import new_id
from fulfil.models.messages.refunds import RefundAllocation
from fulfil.models.money import split_commission

LINE, PROVIDER = new_id("lin"), new_id("prv")


@st.composite
def line_parts(draw: st.DrawFn) -> list[LineMoney]:
    """Milestones, some released, and perhaps something no job earns."""
    parts: list[LineMoney] = []
    for _ in range(draw(st.integers(1, 5))):
        held, released = draw(st.integers(0, 10_000)), draw(st.integers(0, 10_000))
        payout, commission = split_commission(released, draw(st.integers(0, 3_000)), "eur")
        parts.append(
            LineMoney(
                line_id=LINE,
                held_minor=held,
                released_minor=released,
                provider_share_minor=payout,
                commission_minor=commission,
                commission_tax_minor=draw(st.integers(0, commission)),
                job_id=new_id("job"),
                provider_id=PROVIDER,
            )
        )
    if draw(st.booleans()):
        parts.append(LineMoney(line_id=LINE, held_minor=draw(st.integers(0, 10_000))))
    return parts


@given(line_parts(), st.lists(st.integers(0, 100), max_size=6))
def test_what_is_taken_of_a_line_is_exact_and_leaves_the_rest(parts: list[LineMoney], percents: list[int]) -> None:
    left = parts
    for percent in [*percents, 100]:
        amount = left_of(left) * percent // 100
        taken = take_of_line(left, amount)
        before, left = left_of(left), less_taken(left, taken)
        assert sum(part.amount_minor for part in taken) == amount == before - left_of(left)
        assert all(min(part.held_minor, part.released_minor) >= 0 for part in left)
        assert all(part.released_minor == part.provider_share_minor + part.commission_minor for part in left)
    assert left_of(left) == 0


@given(line_parts(), st.integers(0, 100))
def test_nothing_released_is_taken_while_something_is_held(parts: list[LineMoney], percent: int) -> None:
    held = sum(part.held_minor for part in parts)
    taken = take_of_line(parts, held * percent // 100)
    assert not any(part.released_minor for part in taken)


def part(held: int, job_id: str | None = None) -> LineMoney:
    """A milestone nothing of which was released."""
    return LineMoney(line_id=LINE, held_minor=held, job_id=job_id)


FIRST, SECOND, GONE = new_id("job"), new_id("job"), new_id("job")


def test_the_milestone_that_is_furthest_away_pays_first() -> None:
    taken = take_of_line([part(100, FIRST), part(100, SECOND), part(30)], 150)
    assert {one.job_id: one.held_minor for one in taken} == {None: 30, SECOND: 100, FIRST: 20}


def test_what_a_job_that_is_gone_gave_is_taken_of_the_others_once() -> None:
    gave = RefundAllocation(line_id=LINE, held_minor=60, job_id=GONE)
    left = less_taken([part(100, FIRST), part(50, SECOND)], [gave])
    assert [one.held_minor for one in left] == [90, 0]


def test_what_was_taken_before_there_were_jobs_stays_with_the_one_it_was_settled_without() -> None:
    gave = RefundAllocation(line_id=LINE, held_minor=30)
    settled = replace(part(30, SECOND), released_minor=70, provider_share_minor=70, provider_id=PROVIDER)
    planned_since = part(50, new_id("job"))
    left = less_taken([part(50, FIRST), settled, planned_since], [gave])
    assert [one.held_minor for one in left] == [50, 0, 50]


def test_a_part_that_was_planned_smaller_than_what_it_gave_is_made_up_by_the_others() -> None:
    gave = RefundAllocation(line_id=LINE, held_minor=60, job_id=SECOND)
    left = less_taken([part(100, FIRST), part(20, SECOND)], [gave])
    assert [one.held_minor for one in left] == [60, 0]


def test_the_only_part_of_a_line_gives_all_that_was_taken_of_it_before_it_had_a_job() -> None:
    gave = RefundAllocation(line_id=LINE, held_minor=60)
    assert less_taken([part(100, FIRST)], [gave]) == [replace(part(100, FIRST), held_minor=40)]
