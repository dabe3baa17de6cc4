"""Plans that follow from one wish: shares still add up, whoever gives."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.api.replanning import Wanted, plan_with
from fulfil.models.ids import derived_id
from fulfil.models.messages.deliverables import ReplannedMilestone
from fulfil.models.milestones import PlanError

DUE = datetime(2027, 2, 1, tzinfo=UTC)


def mil(number: int) -> str:
    return derived_id("mil", str(number))


def open_plan(*shares: int) -> list[ReplannedMilestone]:
    return [
        ReplannedMilestone(milestone_id=mil(number), title=f"Part {number}", due_at=DUE, share_bp=share)
        for number, share in enumerate(shares)
    ]


def shares(plan: list[ReplannedMilestone]) -> list[int]:
    return [one.share_bp for one in plan]


def test_a_new_milestone_takes_of_all_in_proportion_or_of_one() -> None:
    new = Wanted(None, "More", DUE, 1000)
    assert shares(plan_with(open_plan(2000, 3000, 5000), new, None)) == [1800, 2700, 4500, 1000]
    assert shares(plan_with(open_plan(2000, 3000, 5000), new, mil(1))) == [2000, 2000, 5000, 1000]


def test_a_changed_milestone_keeps_its_place_and_gives_back_what_it_does_not_need() -> None:
    changed = plan_with(open_plan(2000, 3000, 5000), Wanted(mil(1), "Less", DUE, 1000), None)
    assert [(one.milestone_id, one.title, one.share_bp) for one in changed] == [
        (mil(0), "Part 0", 2571),
        (mil(1), "Less", 1000),
        (mil(2), "Part 2", 6429),
    ]


@pytest.mark.parametrize(
    ("wanted", "giver"),
    [
        (Wanted(None, "All", DUE, 10_000), None),
        (Wanted(None, "More than one has", DUE, 3000), mil(1)),
        (Wanted(None, "Of nobody", DUE, 1), mil(9)),
        (Wanted(mil(1), "Of itself", DUE, 3001), mil(1)),
    ],
    ids=lambda value: value.title if isinstance(value, Wanted) else "",
)
def test_what_nobody_can_give_is_refused(wanted: Wanted, giver: str | None) -> None:
    with pytest.raises(PlanError):
        plan_with(open_plan(2000, 3000, 5000), wanted, giver)


def test_the_only_open_milestone_has_nobody_to_give_to() -> None:
    with pytest.raises(PlanError):
        plan_with(open_plan(7000), Wanted(mil(0), "Less", DUE, 6000), None)
    assert shares(plan_with(open_plan(7000), Wanted(mil(0), "Renamed", DUE, 7000), None)) == [7000]


@given(st.lists(st.integers(2, 5000), min_size=1, max_size=20), st.data())
def test_up_to_half_of_what_is_open_can_always_be_given(open_shares: list[int], data: st.DataObject) -> None:
    share_bp = data.draw(st.integers(1, sum(open_shares) // 2))
    plan = plan_with(open_plan(*open_shares), Wanted(None, "More", DUE, share_bp), None)
    assert sum(shares(plan)) == sum(open_shares)
    assert min(shares(plan)) >= 1
