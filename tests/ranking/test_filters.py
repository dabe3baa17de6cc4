"""The hard filters, each by the least that makes it speak."""

from datetime import timedelta
from typing import Any

import pytest

from fulfil.ranking.facts import Closure, Lot, Machine
from fulfil.ranking.filters import ACCEPTING, ACCEPTING_BY_SUPPORT, BY_SUPPORT, refusal_of
from fulfil.ranking.standing import ProviderStanding
from tests.ranking.samples import NOW, WORK, provider, work

LARGE = {"box_mm": (300.0, 200.0, 10.0)}
WEEKEND = (None, None, None, None, None, (540, 1020), (540, 1020))


@pytest.mark.parametrize(
    ("code", "hers", "works"),
    [
        (None, {}, {}),
        ("provider_suspended", {"standing": ProviderStanding("verified", online=True, suspended=True)}, {}),
        ("provider_offline", {"standing": ProviderStanding("verified", online=False)}, {}),
        ("not_capable", {"materials": ("ABS",)}, {}),
        (None, {"materials": ("ACRYLIC",)}, {"material": "ACRYLIC-3"}),
        (None, {"materials": ("ACRYLIC-3",)}, {"material": "ACRYLIC-3"}),
        ("not_capable", {"materials": ("ACRYLIC-5",)}, {"material": "ACRYLIC-3"}),
        ("not_capable", {"materials": ("PA12",)}, {"material": "PA12-CF"}),
        ("stock_short", {"lots": (Lot("", "g", 99),)}, {}),
        ("stock_short", {"lots": (Lot("", "g", 60), Lot("red", "g", 60))}, {}),
        ("stock_short", {"lots": (Lot("blue", "g", 500), Lot("", "g", 500))}, {"colour": "red"}),
        (None, {"lots": (Lot("red", "g", 100),)}, {"colour": "red"}),
        ("stock_short", {"lots": (Lot("", "sheet", 2),)}, {"sheets": 3}),
        ("stock_short", {"lots": (Lot("", "sheet", 50),)}, {}),
        (None, {"lots": (Lot("", "sheet", 3),)}, {"sheets": 3}),
        (None, {"lots": (Lot("", "piece", 2),)}, {}),
        ("machines_offline", {"machines": (Machine((500, 500, 500), online=False),)}, {}),
        ("part_does_not_fit", {"machines": (Machine((250, 250, 250)),)}, LARGE),
        ("part_does_not_fit", {"machines": (Machine((400, 400, 400), ("ABS",)),)}, LARGE),
        (None, {"machines": (Machine((250, 250, 250)), Machine((310, 210, 20)))}, LARGE),
        (None, {"machines": (Machine((310, 210)),)}, LARGE),
        (
            None,
            {"materials": ("WOOD",), "machines": (Machine((310, 210), ("WOOD",)),)},
            {**LARGE, "material": "WOOD-3.5"},
        ),
        (None, {"machines": ()}, LARGE),
        ("closed_at_start", {"hours": WEEKEND}, {"asked_at": NOW, "start_by": NOW + timedelta(days=2)}),
        (None, {"hours": WEEKEND}, {"start_by": NOW + timedelta(days=5)}),
        ("calendar_full", {"hours": WEEKEND}, {"start_by": NOW + timedelta(days=5), "lead_time_days": 9}),
        ("closed_at_start", {"closures": (Closure(NOW - timedelta(days=1), NOW + timedelta(days=4)),)}, {}),
        ("calendar_full", {"closures": (Closure(NOW + timedelta(hours=1), NOW + timedelta(days=9)),)}, {}),
        (None, {"closures": (Closure(NOW + timedelta(days=2), NOW + timedelta(days=4)),)}, {}),
        ("provider_full", {"open_jobs": 10}, {}),
        ("newcomer_limit", {"completed_jobs": 4, "open_jobs": 1}, {}),
        ("newcomer_limit", {"completed_jobs": 4}, {"amount_minor": 500_001}),
        (None, {"completed_jobs": 4}, {"amount_minor": 500_000}),
        (None, {"completed_jobs": 5, "open_jobs": 3}, {"amount_minor": 500_001}),
        ("asked_before", {"asked": True}, {}),
        ("declined_before", {"declined": True}, {}),
        ("had_the_job", {"had_it": True, "declined": True}, {}),
    ],
)
def test_a_provider_is_asked_unless_a_filter_speaks_against_her(
    code: str | None, hers: dict[str, Any], works: dict[str, Any]
) -> None:
    refusal = refusal_of(work(**works), provider(**hers))
    assert (refusal.code if refusal else None) == code
    assert refusal is None or refusal.detail.endswith(".")


def test_whom_support_chooses_may_be_busy_new_or_asked_before_and_nothing_else() -> None:
    busy = provider(open_jobs=10, completed_jobs=0, asked=True, declined=True, had_it=True)
    assert refusal_of(WORK, busy, BY_SUPPORT) is None
    assert refusal_of(WORK, busy, ACCEPTING_BY_SUPPORT) is None
    short = refusal_of(WORK, provider(lots=()), BY_SUPPORT)
    assert short is not None
    assert short.code == "stock_short"


def test_who_went_offline_may_still_accept_but_not_who_is_suspended_or_full() -> None:
    offline = provider(standing=ProviderStanding("verified", online=False))
    assert refusal_of(WORK, offline, ACCEPTING) is None
    for hers in (
        {"standing": ProviderStanding("verified", online=False, suspended=True)},
        {"open_jobs": 10},
        {"completed_jobs": 0, "open_jobs": 1},
    ):
        assert refusal_of(WORK, provider(**hers), ACCEPTING) is not None
