"""Each party sees of the timeline what is meant for it, and nothing by accident."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fulfil.api.access import Principal
from fulfil.api.disclosure import SHOWN, SUPPORT_ACTS, disclose, hidden_from, told_decline
from fulfil.models.messages.events import EventType, NextStep, TimelineEvent
from fulfil.models.messages.parties import STRIPE, SYSTEM, Actor, ActorKind, Role, WaitingOn

CUSTOMER = Principal("acc_1", Role.CUSTOMER, "cus_1")
PROVIDER = Principal("acc_2", Role.PROVIDER, "prv_1")
DRIVER = Principal("acc_3", Role.DRIVER, None)
STAFF = (Principal("acc_4", Role.SUPPORT, None), Principal("acc_5", Role.ADMIN, None))
PROVIDERS_MONEY = {"payout_minor", "commission_minor", "netted_minor", "owed_minor", "transfer_id", "reversal_id"}
INTERNAL = {"note", "cause", "approval_reasons", "failure", "stripe_refund_id", "stripe_dispute_id", "fraud_type"}


def event(kind: EventType, *, actor: Actor = SYSTEM, step: NextStep | None = None, **data: Any) -> TimelineEvent:
    """An event of this kind."""
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return TimelineEvent(
        id=7, order_id="ord_1", sequence=3, type=kind, at=at, actor=actor, subject="ord_1", data=data, next=step
    )


def seen(one: TimelineEvent, caller: Principal) -> TimelineEvent:
    told = disclose(one, caller)
    assert told is not None
    return told


def test_every_kind_of_event_says_who_sees_what() -> None:
    assert set(SHOWN) == set(EventType), "a new event type needs a row in fulfil/api/disclosure.py"


@pytest.mark.parametrize("kind", EventType)
def test_a_field_nobody_decided_on_is_for_staff_only(kind: EventType) -> None:
    told = event(kind, invented_later="secret")
    for caller in (CUSTOMER, PROVIDER):
        shown = disclose(told, caller)
        assert shown is None or shown.data == {}
    assert [disclose(told, staff) for staff in STAFF] == [told, told]


def test_a_role_that_is_no_party_of_orders_sees_no_event() -> None:
    assert hidden_from(DRIVER) == list(EventType)
    assert disclose(event(EventType.ORDER_CLOSED), DRIVER) is None


def test_the_customer_never_sees_what_a_provider_gets_or_owes() -> None:
    told = [seen_of.customer or frozenset() for seen_of in SHOWN.values()]
    assert not PROVIDERS_MONEY & frozenset().union(*told)


def test_what_staff_noted_and_the_payment_provider_said_is_told_to_nobody_else() -> None:
    # What the parties write for each other.
    workshop = {kind for kind in EventType if kind.startswith(("job.", "shipment.", "milestone.", "plan."))}
    for kind, shown in SHOWN.items():
        told = (shown.customer or frozenset()) | (shown.provider or frozenset())
        assert not INTERNAL & (told - ({"note"} if kind in workshop else set())), kind


def test_a_refund_tells_the_customer_amount_and_way_but_not_why_staff_agreed() -> None:
    by = Actor(kind=ActorKind.SUPPORT, id="acc_4")
    approved = event(
        EventType.REFUND_APPROVED, actor=by, amount_minor=3000, currency="eur", reason="she threatened to sue"
    )
    refunded = event(
        EventType.PAYMENT_REFUNDED, actor=STRIPE, amount_minor=3000, currency="eur", route="bank", reference="SEPA 8"
    )
    assert seen(approved, CUSTOMER).data == {"amount_minor": 3000, "currency": "eur"}
    assert seen(approved, CUSTOMER).actor == Actor(kind=ActorKind.SUPPORT, id="support")
    assert seen(refunded, CUSTOMER).data == refunded.data
    assert seen(refunded, CUSTOMER).actor == STRIPE
    assert seen(refunded, PROVIDER).data == {}


def test_everybody_sees_her_own_id_but_not_who_acted_for_the_others() -> None:
    accepted = event(EventType.JOB_STARTED, actor=Actor(kind=ActorKind.PROVIDER, id="prv_1"))
    assert seen(accepted, PROVIDER).actor.id == "prv_1"
    assert seen(accepted, CUSTOMER).actor.id == "provider"
    assert seen(accepted, STAFF[0]).actor.id == "prv_1"


def test_what_support_has_to_do_is_told_to_staff() -> None:
    supports = NextStep(who=WaitingOn.SUPPORT, what="look into the suspected fraud")
    hers = NextStep(who=WaitingOn.CUSTOMER, what="pay with another card")
    assert seen(event(EventType.STEP_PARKED, step=supports), CUSTOMER).next == supports.model_copy(
        update={"what": SUPPORT_ACTS}
    )
    assert seen(event(EventType.STEP_PARKED, step=supports), STAFF[0]).next == supports
    assert seen(event(EventType.PAYMENT_FAILED, step=hers), CUSTOMER).next == hers


def test_a_suspicion_of_fraud_is_no_news_for_the_customer() -> None:
    assert disclose(event(EventType.PAYMENT_FRAUD_WARNED), CUSTOMER) is None
    assert EventType.PAYMENT_FRAUD_WARNED in hidden_from(CUSTOMER)
    assert hidden_from(STAFF[0]) == []


@pytest.mark.parametrize(
    ("code", "told"),
    [("insufficient_funds", "insufficient_funds"), ("stolen_card", "generic_decline"), (None, None)],
)
def test_why_a_card_was_declined_is_told_unless_a_thief_could_learn_from_it(code: str | None, told: str | None) -> None:
    failed = event(EventType.PAYMENT_FAILED, decline_code=code)
    assert seen(failed, CUSTOMER).data == {"decline_code": told}
    assert told_decline(code, CUSTOMER) == told
    assert told_decline(code, STAFF[0]) == code
