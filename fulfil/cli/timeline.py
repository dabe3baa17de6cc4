"""An order's timeline in words: one sentence per event, and whose move it is."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from pydantic import BaseModel, ConfigDict
from rich.markup import escape

from fulfil.cli import told_of_deliveries, told_of_dispatch, told_of_making
from fulfil.models.messages.documents import DocumentKind
from fulfil.models.messages.events import EventType, NextStep
from fulfil.models.messages.parties import Actor, WaitingOn
from fulfil.models.money import format_money

Data = Mapping[str, object]

GOOD, BAD, ODD = "green", "red", "yellow"


class Event(BaseModel):
    """One event as the API tells it; `id` is where a stream resumes."""

    model_config = ConfigDict(frozen=True)

    id: int
    order_id: str
    sequence: int
    type: str
    at: datetime
    actor: Actor
    subject: str
    data: dict[str, object]
    next: NextStep | None = None


def sentence(event: Event) -> str:
    """What happened, in a few words."""
    telling = SENTENCES.get(event.type)
    told = telling(event.data) if telling else ""
    return told or event.type.replace(".", ": ").replace("_", " ")


def timeline_line(event: Event) -> str:
    """The event as a line of rich markup."""
    colour = COLOURS.get(event.type, "bold")
    at = f"{event.at.astimezone(UTC):%H:%M:%S}"
    return (
        f"[dim]{event.sequence:3}  {at}[/]  [{colour}]{escape(event.type):25}[/] {escape(sentence(event))}"
        f"  [dim]by {escape(event.actor.kind.value)}[/]"
    )


def next_line(step: NextStep) -> str:
    """Whose move it is, as rich markup."""
    if step.who is WaitingOn.NOBODY:
        return f"[green]{escape(step.what)}[/]"
    until = f", until {step.by.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if step.by else ""
    return f"waiting for {step.who.value}: {escape(step.what)}{until}"


def _money(data: Data, name: str = "amount_minor", otherwise: str = "the amount") -> str:
    amount, currency = data.get(name), data.get("currency")
    return format_money(amount, currency) if isinstance(amount, int) and isinstance(currency, str) else otherwise


def _more(data: Data, name: str, form: str = "{}") -> str:
    value = data.get(name)
    return form.format(value) if value not in (None, "", []) else ""


def document_name(kind: str) -> str:
    """What people call this kind of document."""
    return "self-billing statement" if kind == DocumentKind.SELF_BILLING else kind.replace("_", " ")


def _words(data: Data, name: str, form: str = "{}") -> str:
    """A value that is a name for machines."""
    return _more(data, name, form).replace("_", " ")


def _approval(data: Data) -> str:
    reasons = data.get("approval_reasons")
    named = ", ".join(str(reason) for reason in cast("Sequence[object]", reasons)) if isinstance(reasons, list) else ""
    return f"; a second person decides ({named.replace('_', ' ')})" if named else ""


def _offered(data: Data) -> str:
    offers = data.get("offers")
    return f"offered to {offers} provider(s)" if isinstance(offers, int) else "offered to providers"


def _released(data: Data) -> str:
    """Before refunds were processes of their own, the event told the shares."""
    if "payout_minor" in data:
        return f"{_money(data, 'payout_minor')} to the provider, {_money(data, 'commission_minor')} commission"
    return f"{_money(data, otherwise='the money')} released"


def _reversed(data: Data) -> str:
    owed = data.get("owed_minor")
    rest = f"; {_money(data, 'owed_minor')} more are kept from her next payouts" if owed else ""
    return f"{_money(data, otherwise='the payout')} taken back from the provider{rest}"


def _arrived(data: Data) -> str:
    ways = {"bank": ", by bank transfer", "credit": ", as credit for later orders"}
    way = ways.get(str(data.get("route")), "")
    return f"{_money(data)} back with the customer{way}{_more(data, 'reference', ' {}')}"


def _disputed(data: Data) -> str:
    what = "inquires about" if data.get("is_inquiry") else "took back"
    return f"the customer's bank {what} {_money(data)}{_words(data, 'reason', ' ({})')}"


def _failed_checks(data: Data) -> str:
    checks = data.get("checks")
    found = cast("Sequence[Mapping[str, object]]", checks) if isinstance(checks, list) else ()
    named = [f"{check.get('name')}{_more(check, 'note', ' ({})')}" for check in found if not check.get("passed")]
    return f": {', '.join(named)}" if named else ""


SENTENCES: Mapping[str, Callable[[Data], str]] = {
    EventType.ORDER_PLACED: lambda data: f"order placed, {_money(data, otherwise='to be paid')}",
    EventType.ORDER_EXPIRED: lambda data: f"order expired{_more(data, 'reason', ': {}')}",
    EventType.ORDER_CANCELLING: lambda data: f"order is being cancelled{_more(data, 'reason', ': {}')}",
    EventType.ORDER_CANCELLED: lambda data: f"order cancelled{_more(data, 'reason', ': {}')}",
    EventType.LINE_CANCELLED: lambda data: f"a line is cancelled{_more(data, 'reason', ': {}')}",
    EventType.ORDER_COMPLETED: lambda _: "every job is done",
    EventType.ORDER_CLOSED: lambda _: "order closed",
    EventType.PAYMENT_REQUESTED: lambda data: f"{_money(data)} to pay",
    EventType.PAYMENT_ACTION_REQUIRED: lambda _: "the bank asks the customer to confirm (3-D Secure)",
    EventType.PAYMENT_FAILED: lambda data: f"payment failed{_words(data, 'decline_code', ': {}')}",
    EventType.PAYMENT_AUTHORIZED: lambda data: f"the bank holds {_money(data)} for us",
    EventType.PAYMENT_CAPTURED: lambda data: f"{_money(data)} captured and held for the order",
    EventType.PAYMENT_VOIDED: lambda data: f"the bank's hold of {_money(data)} ended, nothing was taken",
    EventType.PAYMENT_REFUND_SENT: lambda data: f"{_money(data)} on the way back to the customer",
    EventType.PAYMENT_REFUNDED: _arrived,
    EventType.PAYMENT_RELEASED: _released,
    EventType.PAYMENT_TRANSFERRED: lambda data: f"the provider was paid{_more(data, 'transfer_id', ' by transfer {}')}",
    EventType.PAYMENT_TRANSFER_REVERSED: _reversed,
    EventType.PAYMENT_REVERSAL_REFUSED: lambda data: (
        f"{_money(data, 'owed_minor', 'the payout')} could not be taken back from the provider: "
        "kept from her next payouts"
    ),
    EventType.PAYMENT_RETRY_SCHEDULED: lambda data: (
        f"the saved card was declined for now{_words(data, 'decline_code', ' ({})')}: it is charged again later"
    ),
    EventType.PAYMENT_FROZEN: lambda _: "frozen: nothing is released or refunded until the bank has decided",
    EventType.PAYMENT_UNFROZEN: lambda _: "no longer frozen: the bank has decided",
    EventType.PAYMENT_FRAUD_WARNED: lambda data: f"the card's bank suspects fraud{_words(data, 'fraud_type', ': {}')}",
    EventType.PAYMENT_HELD_LONG: lambda data: (
        f"held for long: to be released, or paid back{_more(data, 'refunded_at', ' on {:.10}')}"
    ),
    EventType.REFUND_REQUESTED: lambda data: (
        f"refund of {_money(data)} asked for{_words(data, 'reason', ': {}')}{_approval(data)}"
    ),
    EventType.REFUND_APPROVED: lambda data: f"refund of {_money(data)} approved{_more(data, 'reason', ': {}')}",
    EventType.REFUND_REJECTED: lambda data: f"refund of {_money(data)} rejected{_more(data, 'reason', ': {}')}",
    EventType.REFUND_FAILED: lambda data: (
        f"refund of {_money(data)} {'came back' if data.get('had_succeeded') else 'did not arrive'}"
        f"{_words(data, 'failure', ': {}')}; it is still owed"
    ),
    EventType.REFUND_REROUTED: lambda data: (
        f"the refund goes another way{_more(data, 'route', ': {}')}{_more(data, 'reference', ', {}')}"
    ),
    EventType.CHARGEBACK_OPENED: _disputed,
    EventType.CHARGEBACK_EVIDENCE_DUE: lambda data: (
        f"the bank waits for evidence{_more(data, 'due_at', ' until {:.16}').replace('T', ' ')}"
        f"{'' if data.get('staged', True) else '; none is staged'}"
    ),
    EventType.CHARGEBACK_EVIDENCE_SUBMITTED: lambda data: (
        f"the evidence is with the customer's bank{_more(data, 'reason', ': {}')}"
    ),
    EventType.CHARGEBACK_WON: lambda data: f"chargeback won: {_money(data)} come back",
    EventType.CHARGEBACK_LOST: lambda data: f"chargeback lost: {_money(data)} stay with the customer",
    EventType.CHARGEBACK_CLOSED: lambda _: "the bank's inquiry is closed",
    EventType.DOCUMENT_ISSUED: lambda data: (
        f"{document_name(_more(data, 'kind')) or 'document'}{_more(data, 'number', ' {}')} issued"
    ),
    EventType.JOB_OPENED: lambda data: f"job opened{_more(data, 'process', ': {}')}{_more(data, 'material', ' in {}')}",
    EventType.JOB_OFFERED: _offered,
    EventType.JOB_PUT_ON_BOARD: lambda _: "on the open board",
    EventType.JOB_ESCALATED: lambda _: "nobody accepted: support decides",
    EventType.JOB_ACCEPTED: lambda data: f"accepted{_more(data, 'provider_id', ' by {}')}",
    EventType.JOB_ACCEPTANCE_REFUSED: lambda data: f"acceptance refused{_more(data, 'detail', ': {}')}",
    EventType.JOB_DECLINED_BY_ALL: lambda _: "no provider took the job",
    EventType.JOB_REDISPATCHED: lambda data: f"offered anew{_more(data, 'reason', ': {}')}",
    EventType.JOB_CANCELLED: lambda data: f"job cancelled{_more(data, 'reason', ': {}')}",
    EventType.JOB_STARTED: lambda _: "production started",
    EventType.JOB_PROGRESSED: lambda data: (
        f"{_more(data, 'percent', '{} % ')}done{_more(data, 'stage', ' ({})')}{_more(data, 'note', ': {}')}"
    ),
    EventType.JOB_QUALITY_PASSED: lambda _: "quality check passed",
    EventType.JOB_QUALITY_FAILED: lambda data: f"quality check failed{_failed_checks(data)}",
    EventType.JOB_SHIPPED: lambda data: (
        f"shipped{_more(data, 'carrier', ' with {}')}{_more(data, 'tracking_number', ', tracking number {}')}"
    ),
    EventType.JOB_DELIVERED: lambda data: f"delivered{_more(data, 'proof_note', ': {}')}",
    EventType.JOB_APPROVED: lambda data: "approved by silence" if data.get("by_silence") else "approved",
    **told_of_dispatch.SENTENCES,
    **told_of_making.SENTENCES,
    EventType.OFFER_DECLINED: lambda data: f"an offer was declined{_more(data, 'reason', ': {}')}",
    **told_of_deliveries.SENTENCES,
    EventType.REMINDER_SENT: lambda data: f"reminder{_more(data, 'what', ': {}')}",
    EventType.STEP_PARKED: lambda data: (
        f"{_more(data, 'step') or 'a step'} is parked{_more(data, 'cause', ': {}') or ': support is asked'}"
    ),
    EventType.STEP_RESOLVED: lambda data: (
        f"{_more(data, 'step') or 'the step'}: {_more(data, 'action') or 'moved on'}{_more(data, 'reason', ' ({})')}"
    ),
    EventType.SUPPORT_RESET: lambda data: f"taken back{_more(data, 'step', ' to {}')}{_more(data, 'reason', ' ({})')}",
}
COLOURS: Mapping[str, str] = {
    **dict.fromkeys(
        [
            EventType.ORDER_CLOSED,
            EventType.ORDER_COMPLETED,
            EventType.PAYMENT_CAPTURED,
            EventType.PAYMENT_RELEASED,
            EventType.PAYMENT_REFUNDED,
            EventType.PAYMENT_UNFROZEN,
            EventType.CHARGEBACK_WON,
            EventType.CHARGEBACK_CLOSED,
            EventType.JOB_ACCEPTED,
            EventType.JOB_APPROVED,
            EventType.JOB_QUALITY_PASSED,
            *told_of_dispatch.GOOD,
            *told_of_making.GOOD,
            *told_of_deliveries.GOOD,
        ],
        GOOD,
    ),
    **dict.fromkeys(
        [
            EventType.ORDER_CANCELLED,
            EventType.ORDER_EXPIRED,
            EventType.PAYMENT_FAILED,
            EventType.JOB_QUALITY_FAILED,
            EventType.JOB_DECLINED_BY_ALL,
            EventType.STEP_PARKED,
            EventType.REFUND_FAILED,
            EventType.REFUND_REJECTED,
            EventType.PAYMENT_FRAUD_WARNED,
            EventType.CHARGEBACK_OPENED,
            EventType.CHARGEBACK_LOST,
            *told_of_making.BAD,
            *told_of_deliveries.BAD,
        ],
        BAD,
    ),
    **dict.fromkeys(
        [
            EventType.ORDER_CANCELLING,
            EventType.PAYMENT_ACTION_REQUIRED,
            EventType.JOB_ESCALATED,
            EventType.JOB_REDISPATCHED,
            EventType.JOB_ACCEPTANCE_REFUSED,
            EventType.PAYMENT_REVERSAL_REFUSED,
            EventType.PAYMENT_RETRY_SCHEDULED,
            EventType.PAYMENT_FROZEN,
            EventType.PAYMENT_HELD_LONG,
            EventType.CHARGEBACK_EVIDENCE_DUE,
            EventType.REFUND_REQUESTED,
            EventType.REFUND_REROUTED,
            EventType.REMINDER_SENT,
            EventType.STEP_RESOLVED,
            EventType.SUPPORT_RESET,
            *told_of_making.ODD,
            *told_of_deliveries.ODD,
        ],
        ODD,
    ),
}
