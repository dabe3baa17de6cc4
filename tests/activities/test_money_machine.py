"""Sequences of money steps, legal and illegal, repeated, reordered and with a failing Stripe, against an oracle."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fulfil.models.messages.reconciliation import FindingKind
from fulfil.models.messages.refunds import RefundRoute
from tests.activities.money_bench import Bench, bench_of
from tests.activities.money_chargeback_rules import ChargebackRules
from tests.activities.money_frame import EXACT

# A long run: FULFIL_MONEY_EXAMPLES=2000 FULFIL_MONEY_STEPS=40 pytest tests/activities/test_money_machine.py
USUAL = 20
EXAMPLES = int(os.environ.get("FULFIL_MONEY_EXAMPLES", str(USUAL)))
STEPS = int(os.environ.get("FULFIL_MONEY_STEPS", "12"))
LONG = EXAMPLES > USUAL
PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=not LONG,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.generate],  # what fails is told as it was played: making it shorter takes minutes
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def bench(postgres_server: str, temporal_dev: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One database and one Stripe for all sequences."""
    folder: Path = tmp_path_factory.mktemp("money")
    with bench_of(postgres_server, temporal_dev, folder) as furnished:
        yield furnished


@dataclass
class Sequence:
    """Steps of one order, compared with the oracle after each."""

    machine: ChargebackRules

    def step(self, play: Callable[[ChargebackRules], None]) -> None:
        """Play and compare."""
        play(self.machine)
        self.machine.the_books_say_what_happened()

    def steps(self, *plays: Callable[[ChargebackRules], None]) -> None:
        """Play all, then end as every example does."""
        for play in plays:
            self.step(play)
        self.machine.teardown()


def begun(bench: Bench, steps: int, total: int = 10_000) -> Sequence:
    """An order that has taken so many of its usual steps: 4 is captured, 5 is settled."""
    machine = ChargebackRules(bench)
    machine.open_the_shop((steps, total, "pm_card_visa"), None)
    return Sequence(machine)


def asked(amount: int | None, shape: str = "amount") -> Callable[[ChargebackRules], None]:
    return lambda machine: machine.ask_refund(EXACT, amount, shape, "acc_clerk")


def decided(*, approved: bool) -> Callable[[ChargebackRules], None]:
    return lambda machine: machine.decide(1, approved=approved, by="acc_boss")


def sent(fault: str | None = None, meanwhile: str = "nothing") -> Callable[[ChargebackRules], None]:
    return lambda machine: machine.send(1, fault, meanwhile)


def lost(amount: int | None) -> list[Callable[[ChargebackRules], None]]:
    return [
        lambda machine: machine.dispute(EXACT, amount, inquiry=False),
        lambda machine: machine.read_chargeback(0, None),
        lambda machine: machine.bank_decides(0, "lost"),
        lambda machine: machine.read_chargeback(0, None),
    ]


def settled(*, capable: bool) -> Callable[[ChargebackRules], None]:
    return lambda machine: machine.settle(EXACT, capable=capable, fault=None, meanwhile="nothing")


def test_a_refund_given_up_after_release_is_taken_of_the_provider_once(bench: Bench) -> None:
    begun(bench, 5).steps(
        asked(4_000),
        decided(approved=True),
        sent(),
        lambda machine: machine.card_network_decides(0, "failed"),
        lambda machine: machine.look(1, None),
        decided(approved=False),
        asked(4_000),
        decided(approved=True),
        sent(),
    )


def test_what_a_partly_lost_chargeback_left_can_be_released_and_refunded(bench: Bench) -> None:
    begun(bench, 4).steps(*lost(4_000), settled(capable=True), asked(6_000), decided(approved=True), sent())


def test_a_refund_asked_for_before_everything_is_lost_is_not_booked(bench: Bench) -> None:
    begun(bench, 4).steps(asked(6_000), *lost(None), sent(), decided(approved=True), decided(approved=False))


def test_the_rest_of_a_released_order_is_refunded_to_the_cent_after_a_partial_loss(bench: Bench) -> None:
    begun(bench, 5, 9_999).steps(*lost(3_333), asked(None), decided(approved=True), sent())


def test_a_refund_before_a_parked_transfer_is_kept_from_it(bench: Bench) -> None:
    begun(bench, 4).steps(settled(capable=False), asked(4_000), decided(approved=True), sent(), settled(capable=True))


def test_a_parked_transfer_of_lost_money_is_not_paid(bench: Bench) -> None:
    begun(bench, 4).steps(settled(capable=False), *lost(None), settled(capable=True))


def test_a_refund_that_failed_is_sent_anew_through_a_failing_stripe(bench: Bench) -> None:
    begun(bench, 5).steps(
        asked(4_000),
        decided(approved=True),
        sent("drop_after", "reconciliation"),
        lambda machine: machine.card_network_decides(0, "failed"),
        lambda machine: machine.reconcile(),
        lambda machine: machine.reroute(1, RefundRoute.CARD),
        lambda machine: machine.send(0, "error_500_after", "events"),
    )


def test_a_refund_refused_for_a_chargeback_is_paid_by_bank_after_it(bench: Bench) -> None:
    begun(bench, 4).steps(
        asked(4_000),
        lambda machine: machine.dispute(EXACT, None, inquiry=False),
        sent(),
        lambda machine: machine.read_chargeback(0, None),
        lambda machine: machine.bank_decides(0, "lost"),
        lambda machine: machine.read_chargeback(0, None),
        lambda machine: machine.reroute(1, RefundRoute.BANK),
        lambda machine: machine.send(0, None, "nothing"),
    )


def test_an_order_called_off_after_goodwill_and_after_a_partial_loss(bench: Bench) -> None:
    for before in ([asked(1_000, "goodwill"), decided(approved=True), sent()], lost(4_000)):
        begun(bench, 4).steps(
            *before, lambda machine: machine.call_off(EXACT, None, "nothing"), sent("drop_after", "events")
        )


@pytest.mark.timeout(0 if LONG else 300)
def test_whatever_is_played_the_books_say_what_happened(bench: Bench) -> None:
    class OnThisBench(ChargebackRules):
        """Hypothesis makes it without arguments."""

        def __init__(self) -> None:
            super().__init__(bench)

    run_state_machine_as_test(OnThisBench, settings=PROFILE)

    found = bench.run(bench.all_findings())
    later = (FindingKind.HELD_TOO_LONG, FindingKind.HELD_AFTER_CLOSE)
    assert [finding for finding in found if finding.kind not in later] == []
