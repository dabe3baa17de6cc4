"""Work and providers to rank: by default a good provider for simple work; strategies for all the others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from fulfil.ranking.facts import Closure, Lot, Machine, Place, ProviderFacts, WorkFacts
from fulfil.ranking.standing import ProviderStanding

# A Tuesday.
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
WORK = WorkFacts(
    process="fdm",
    material="PLA",
    grams=100,
    quantity=2,
    amount_minor=10_000,
    currency="eur",
    lead_time_days=7,
    asked_at=NOW,
    needed_by=NOW + timedelta(days=7),
    start_by=NOW + timedelta(days=3),
    newcomer_jobs=5,
    newcomer_limit_minor=500_000,
    place=Place(52.5, 13.4),
)
PROVIDER = ProviderFacts(
    id="prv_a",
    standing=ProviderStanding("verified", online=True),
    score=50,
    completed_jobs=10,
    open_jobs=0,
    capacity_jobs=10,
    materials=("PLA",),
    lots=(Lot("", "g", 1000),),
)


def provider(**facts: Any) -> ProviderFacts:
    """The good one with other facts."""
    return replace(PROVIDER, **facts)


def work(**facts: Any) -> WorkFacts:
    """The simple work with other facts."""
    return replace(WORK, **facts)


PLACES = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))
SIDES = st.lists(st.floats(1, 500), min_size=2, max_size=3).map(lambda sides: tuple(sorted(sides, reverse=True)))
MOMENTS = st.integers(-5, 12).map(lambda days: NOW + timedelta(days=days))
HOURS = st.none() | st.tuples(*[st.none() | st.just((540, 1020))] * 7)
PROVIDERS = st.builds(
    ProviderFacts,
    id=st.integers(0, 10**6).map(lambda number: f"prv_{number}"),
    standing=st.builds(
        ProviderStanding,
        verification=st.sampled_from(["applied", "rejected", "verified"]),
        online=st.booleans(),
        suspended=st.booleans(),
    ),
    score=st.integers(0, 100),
    completed_jobs=st.integers(0, 50),
    open_jobs=st.integers(0, 5),
    capacity_jobs=st.integers(0, 10),
    materials=st.sampled_from([(), ("PLA",), ("ABS", "PLA")]),
    answer_s=st.none() | st.integers(0, 10_000),
    lots=st.lists(
        st.builds(Lot, st.sampled_from(["", "red"]), st.sampled_from(["g", "piece", "sheet"]), st.integers(0, 500)),
        max_size=3,
    ).map(tuple),
    machines=st.lists(
        st.builds(Machine, SIDES, st.sampled_from([(), ("PLA",), ("ABS",)]), st.booleans()), max_size=3
    ).map(tuple),
    time_zone=st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "UTC"]),
    hours=HOURS,
    closures=st.lists(MOMENTS.map(lambda at: Closure(at, at + timedelta(days=2))), max_size=2).map(tuple),
    place=st.none() | PLACES,
    asked=st.booleans(),
    declined=st.booleans(),
    had_it=st.booleans(),
)
WORKS = st.builds(
    work,
    colour=st.sampled_from([None, "red"]),
    sheets=st.none() | st.integers(1, 20),
    box_mm=st.none() | SIDES,
    place=st.none() | PLACES,
    amount_minor=st.integers(1, 1_000_000),
)
CROWDS = st.lists(PROVIDERS, max_size=12, unique_by=lambda one: one.id)
