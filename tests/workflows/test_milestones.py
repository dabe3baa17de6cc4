"""What a deliverable remembers: the same whatever the order its news arrive in, however often."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fulfil.models.ids import new_id
from fulfil.models.messages.deliverables import (
    DeliverableReported,
    DeliverableReportKind,
    DeliverableWithdrawn,
    MilestoneClock,
    PlanApplied,
)
from fulfil.models.messages.parties import WaitingOn
from fulfil.models.messages.policies import OrderPolicies
from fulfil.workflows.milestones import Milestones, Stand

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POLICIES = OrderPolicies()
SUBMITTED, REVISE = DeliverableReportKind.SUBMITTED, DeliverableReportKind.REVISION_REQUESTED
APPROVED, REJECTED = DeliverableReportKind.APPROVED, DeliverableReportKind.REJECTED
ANSWERS = (REVISE, REJECTED, APPROVED)
FIRST, SECOND = (
    MilestoneClock(milestone_id=new_id("mil"), job_id=new_id("job"), due_at=BEGAN + 10 * DAY * n) for n in (1, 2)
)


def reports(*kinds: DeliverableReportKind, of: MilestoneClock = FIRST) -> list[DeliverableReported]:
    """One a day, in this order."""
    return [
        DeliverableReported(report_id=f"{n:032x}", kind=kind, at=BEGAN + n * DAY, milestone_id=of.milestone_id)
        for n, kind in enumerate(kinds, start=1)
    ]


def heard(news: Sequence[DeliverableReported]) -> Milestones:
    """After these arrived."""
    milestones = Milestones.of([FIRST, SECOND], POLICIES)
    for report in news:
        milestones.note(report)
    return milestones


def looks(milestones: Milestones) -> list[tuple[Stand, datetime | None]]:
    """How each stands, and when its clock rings."""
    return [(milestone.stand, milestone.next_look) for milestone in milestones.known.values()]


@st.composite
def stories(draw: st.DrawFn) -> list[DeliverableReported]:
    """Submissions and answers as PostgreSQL lets them happen; nothing follows an approval."""
    kinds: list[DeliverableReportKind] = []
    for answer in draw(st.lists(st.sampled_from(ANSWERS), max_size=6)):
        kinds += [SUBMITTED, answer]
        if answer is APPROVED:
            break
    if not kinds or kinds[-1] is not APPROVED:
        kinds += [SUBMITTED] if draw(st.booleans()) else []
    return reports(*kinds)


@given(stories(), st.data())
def test_news_mean_the_same_in_any_order_and_however_often(
    story: list[DeliverableReported], data: st.DataObject
) -> None:
    repeated = story + data.draw(st.lists(st.sampled_from(story), max_size=5) if story else st.just([]))
    assert looks(heard(data.draw(st.permutations(repeated)))) == looks(heard(story))


@pytest.mark.parametrize(
    ("kinds", "stand", "looks_after_days"),
    [
        ((), Stand.AWAITED, 10),
        ((SUBMITTED,), Stand.IN_REVIEW, 1 + 2),
        ((SUBMITTED, REVISE), Stand.REVISING, 2 + 5),
        ((SUBMITTED, REJECTED), Stand.REJECTED, 2 + 7),
        ((SUBMITTED, REVISE, SUBMITTED), Stand.IN_REVIEW, 3 + 2),
        ((SUBMITTED, APPROVED), Stand.APPROVED, None),
    ],
)
def test_each_stand_has_its_own_clock(
    kinds: tuple[DeliverableReportKind, ...], stand: Stand, looks_after_days: int | None
) -> None:
    milestone = heard(reports(*kinds)).known[FIRST.milestone_id]
    assert milestone.stand is stand
    assert milestone.next_look == (None if looks_after_days is None else BEGAN + looks_after_days * DAY)


def test_the_time_a_report_names_counts() -> None:
    [report] = reports(SUBMITTED)
    due = report.at + DAY
    milestone = heard([report.model_copy(update={"by": due})]).known[FIRST.milestone_id]
    assert (milestone.reminder_at, milestone.next_look) == (None, due), "too soon for a reminder"


def test_a_withdrawal_leaves_what_was_approved_to_be_paid() -> None:
    milestones = heard(reports(SUBMITTED, APPROVED))
    milestones.withdraw(DeliverableWithdrawn(reason="", called_off=(FIRST.milestone_id, SECOND.milestone_id)))
    assert [one.stand for one in milestones.known.values()] == [Stand.APPROVED, Stand.CALLED_OFF]


def test_a_plan_moves_only_what_awaits_a_submission_and_revives_nothing_withdrawn() -> None:
    milestones = heard(reports(SUBMITTED))
    later = BEGAN + 90 * DAY
    added = MilestoneClock(milestone_id=new_id("mil"), job_id=new_id("job"), due_at=later)
    milestones.withdraw(DeliverableWithdrawn(reason="", called_off=(added.milestone_id,)))
    moved = [clock.model_copy(update={"due_at": later}) for clock in (FIRST, SECOND)]
    milestones.apply(PlanApplied(applied=True, milestones=(*moved, added)))
    stands = {name: one.stand for name, one in milestones.known.items()}
    assert stands[added.milestone_id] is Stand.CALLED_OFF
    assert (stands[FIRST.milestone_id], milestones.known[SECOND.milestone_id].by) == (Stand.IN_REVIEW, later)


@pytest.mark.parametrize(
    ("kinds", "who"),
    [((), WaitingOn.PROVIDER), ((SUBMITTED,), WaitingOn.CUSTOMER), ((SUBMITTED, REVISE), WaitingOn.PROVIDER)],
)
def test_it_says_on_whom_it_waits(kinds: tuple[DeliverableReportKind, ...], who: WaitingOn) -> None:
    what, waits_for, until, then = heard(reports(*kinds)).described()
    assert (waits_for, FIRST.milestone_id in what) == (who, True)
    assert until is not None
    assert then


def test_while_money_is_frozen_it_says_so() -> None:
    milestones = heard([*reports(SUBMITTED, APPROVED), *reports(SUBMITTED, APPROVED, of=SECOND)])
    assert milestones.described()[1] is WaitingOn.SYSTEM
    milestones.known[FIRST.milestone_id].frozen = True
    assert milestones.described()[1] is WaitingOn.SUPPORT
