"""Plans, shares and who may do what: pure rules, by example and by property."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.models.messages.deliverables import (
    DeliverableState,
    MilestoneState,
    PlannedMilestone,
    ReplannedMilestone,
    SubmissionState,
)
from fulfil.models.messages.parties import Role
from fulfil.models.milestones import (
    PlanError,
    Standing,
    check_plan,
    check_replan,
    check_shares,
    deliverable_state_after,
    milestone_actions,
    split_by_share,
    standing,
)
from fulfil.models.money import step_minor

AT = datetime(2030, 1, 1, tzinfo=UTC)


def planned(*parts: tuple[int, int]) -> list[PlannedMilestone]:
    return [PlannedMilestone(title="Part", days=days, share_bp=share) for days, share in parts]


def replanned(*parts: tuple[str | None, int]) -> list[ReplannedMilestone]:
    named = {name: f"mil_{name * 32}" for name, _ in parts if name}
    return [
        ReplannedMilestone(milestone_id=named.get(name or ""), title="Part", due_at=AT, share_bp=share)
        for name, share in parts
    ]


@given(
    st.integers(0, 10**11),
    st.lists(st.integers(1, 10_000), min_size=1, max_size=20),
    st.sampled_from(["eur", "jpy", "kwd", "mga"]),
)
def test_parts_sum_to_the_amount_and_each_is_within_a_step_of_its_share(
    amount: int, shares: list[int], currency: str
) -> None:
    parts, step = split_by_share(amount, shares, currency), step_minor(currency)
    assert sum(parts) == amount
    assert all(part % step == 0 for part in parts[:-1])
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - amount * share / sum(shares)) <= 2 * step


@pytest.mark.parametrize(
    ("amount", "shares", "currency", "parts"),
    [
        (10_001, [3000, 3000, 4000], "eur", [3000, 3000, 4001]),
        (100, [3333, 3333, 3334], "eur", [33, 33, 34]),
        (2, [1, 1, 1], "jpy", [1, 1, 0]),
        (1_005, [5000, 5000], "kwd", [500, 505]),
        (7_001, [2000, 3000, 2000], "eur", [2000, 3001, 2000]),
    ],
)
def test_what_rounding_leaves_goes_to_the_largest_remainders(
    amount: int, shares: list[int], currency: str, parts: list[int]
) -> None:
    assert split_by_share(amount, shares, currency) == parts


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ([], "milestone_count"),
        ([500] * 21, "milestone_count"),
        ([10_001, -1], "share_below_one"),
        ([10_000, 0], "share_below_one"),
        ([5_000, 4_999], "milestone_shares"),
        ([5_000, 5_001], "milestone_shares"),
    ],
)
def test_shares_that_are_no_whole_are_refused(shares: list[int], code: str) -> None:
    with pytest.raises(PlanError) as refused:
        check_shares(shares)
    assert refused.value.code == code


def test_an_amount_below_zero_is_not_split() -> None:
    with pytest.raises(PlanError, match="can't be split"):
        split_by_share(-1, [10_000], "eur")


@pytest.mark.parametrize(
    ("plan", "amount", "code"),
    [
        (planned((20, 5000), (10, 5000)), 10_000, "days_out_of_order"),
        (planned((10, 5000), (800, 5000)), 10_000, "plan_too_long"),
        (planned((10, 9_999), (20, 1)), 100, "milestone_without_amount"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(plan: list[PlannedMilestone], amount: int, code: str) -> None:
    with pytest.raises(PlanError) as refused:
        check_plan(plan, amount, "eur")
    assert refused.value.code == code


def test_a_plan_of_twenty_equal_parts_can_be_kept() -> None:
    check_plan(planned(*((n, 500) for n in range(1, 21))), 10_000, "eur")


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (replanned(("a", 3000), (None, 4000)), None),
        (replanned((None, 7000)), None),
        (replanned(("a", 3000), ("b", 3000)), "milestone_shares"),
        (replanned(("a", 3000), ("a", 4000)), "milestone_twice"),
        (replanned(("a", 3000), ("c", 4000)), "milestone_not_open"),
    ],
)
def test_a_new_plan_covers_exactly_what_is_open(plan: list[ReplannedMilestone], code: str | None) -> None:
    open_shares = {f"mil_{'a' * 32}": 3000, f"mil_{'b' * 32}": 4000}
    try:
        check_replan(plan, open_shares, 7_000, "eur")
    except PlanError as error:
        found: str | None = error.code
    else:
        found = None
    assert found == code


@pytest.mark.parametrize(
    ("milestone", "submission", "stands"),
    [
        (MilestoneState.PENDING, None, Standing.OPEN),
        (MilestoneState.DELAYED, None, Standing.OPEN),
        (MilestoneState.IN_PROGRESS, SubmissionState.IN_REVIEW, Standing.IN_REVIEW),
        (MilestoneState.IN_PROGRESS, SubmissionState.REVISION_REQUESTED, Standing.REVISING),
        (MilestoneState.DELAYED, SubmissionState.REJECTED, Standing.REJECTED),
        (MilestoneState.COMPLETED, SubmissionState.APPROVED, Standing.COMPLETED),
        (MilestoneState.CANCELLED, SubmissionState.REJECTED, Standing.CANCELLED),
    ],
)
def test_a_milestone_stands_by_its_latest_submission(
    milestone: MilestoneState, submission: SubmissionState | None, stands: Standing
) -> None:
    assert standing(milestone, submission) is stands


def test_only_work_in_review_is_answered_and_only_what_is_awaited_submitted() -> None:
    answers = {"approve", "request_revision", "reject"}
    for stands in Standing:
        customer = set(milestone_actions(Role.CUSTOMER, stands, revisions_left=1))
        provider = set(milestone_actions(Role.PROVIDER, stands, revisions_left=1))
        assert (customer >= answers) is (stands is Standing.IN_REVIEW)
        assert ("submit" in provider) is (stands in (Standing.OPEN, Standing.REVISING, Standing.REJECTED))
    assert "request_revision" not in milestone_actions(Role.CUSTOMER, Standing.IN_REVIEW, revisions_left=0)


@pytest.mark.parametrize(
    ("milestones", "state"),
    [
        ([Standing.OPEN, Standing.OPEN], DeliverableState.DRAFT),
        ([Standing.COMPLETED, Standing.OPEN], DeliverableState.ACCEPTED),
        ([Standing.REVISING, Standing.IN_REVIEW], DeliverableState.IN_REVIEW),
        ([Standing.REVISING, Standing.OPEN], DeliverableState.REVISION_REQUESTED),
        ([Standing.COMPLETED, Standing.CANCELLED], DeliverableState.COMPLETED),
        ([Standing.CANCELLED], DeliverableState.CANCELLED),
    ],
)
def test_a_deliverable_stands_by_its_milestones(milestones: list[Standing], state: DeliverableState) -> None:
    assert deliverable_state_after(milestones) is state
