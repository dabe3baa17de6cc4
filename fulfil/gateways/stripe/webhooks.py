"""Stripe's webhooks: nothing of the body is believed before its signature and age are."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

TOLERANCE_S = 300
THIN = "v2.core.event"


class WebhookSignatureError(Exception):
    """The body was not signed by Stripe for us within the last five minutes, or is no event."""


class NotAnEventError(ValueError):
    """JSON, but not an event of Stripe's."""


@dataclass(frozen=True)
class StripeEvent:
    """An event; `payload` is a snapshot, or just a notice, and only a hint: re-read `object_id` from Stripe.

    `object_kind` is Stripe's name of the object (`payment_intent`, `v2.core.account`), `object_state` its status at
    the time of the event: what counts as told already is (`object_id`, `object_state`). A thin event has no state.
    """

    id: str
    type: str
    object_id: str
    object_kind: str
    object_state: str | None
    is_thin: bool
    payload: dict[str, object]

    @property
    def account_id(self) -> str | None:
        """The connected account the object belongs to; none when it is the platform's own."""
        account = self.payload.get("account")
        return account if isinstance(account, str) else None


def read_stripe_event(body: bytes, signature: str, secrets: Sequence[str], now: datetime) -> StripeEvent:
    """Check the `Stripe-Signature` header against each secret (one more while they roll), then read the event.

    Raises `WebhookSignatureError`: no matching signature, more than 300 s old or ahead, or not an event.
    """
    stamp, candidates = _parts(signature)
    if not any(_matches(body, stamp, candidates, secret) for secret in secrets if secret.strip()):
        raise WebhookSignatureError("no signature matches")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_S:
        raise WebhookSignatureError(f"signed at {stamp}, outside the window of {TOLERANCE_S} s")
    return _event(body)


def event_of(payload: object) -> StripeEvent:
    """Read an event of either version; raises `NotAnEventError`."""
    event = _mapping(payload)
    identity, kind = _text(event, "id"), _text(event, "type")
    read = _thin_event if event.get("object") == THIN else _snapshot_event
    return read(event, identity, kind)


def _parts(signature: str) -> tuple[str, list[bytes]]:
    """The timestamp and the v1 signatures of `t=…,v1=…,v1=…`."""
    pairs = [item.partition("=") for item in signature.split(",")]
    stamps = [value for name, _, value in pairs if name.strip() == "t"]
    candidates = [value.encode() for name, _, value in pairs if name.strip() == "v1"]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) < 16):  # noqa: PLR2004 (no year has 16 digits)
        raise WebhookSignatureError("malformed Stripe-Signature header")
    return stamps[0], candidates


def _matches(body: bytes, stamp: str, candidates: Sequence[bytes], secret: str) -> bool:
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    return any(hmac.compare_digest(expected, candidate) for candidate in candidates)


def _event(body: bytes) -> StripeEvent:
    try:
        return event_of(json.loads(body))
    except NotAnEventError as error:
        raise WebhookSignatureError("the body is not a Stripe event") from error
    except (ValueError, RecursionError) as error:
        raise WebhookSignatureError("the body is not JSON, or too deep") from error


def _thin_event(event: dict[str, object], identity: str, kind: str) -> StripeEvent:
    """Version 2 names the object; an event about none in particular stands for itself."""
    related = event.get("related_object")
    subject: dict[str, object] = {"id": identity, "type": THIN} if related is None else _mapping(related)
    return StripeEvent(
        id=identity,
        type=kind,
        # A singleton has no id, only a type.
        object_id=_text(subject, "id") if "id" in subject else _text(subject, "type"),
        object_kind=_text(subject, "type"),
        object_state=None,
        is_thin=True,
        payload=event,
    )


def _snapshot_event(event: dict[str, object], identity: str, kind: str) -> StripeEvent:
    subject = _mapping(_mapping(event.get("data")).get("object"))
    status = subject.get("status")
    return StripeEvent(
        id=identity,
        type=kind,
        # The balance is one of a kind and has no id.
        object_id=_text(subject, "id" if "id" in subject else "object"),
        object_kind=_text(subject, "object") if "object" in subject else kind.partition(".")[0],
        object_state=status if isinstance(status, str) and status else None,
        is_thin=False,
        payload=event,
    )


def _text(part: dict[str, object], name: str) -> str:
    value = part.get(name)
    if not (isinstance(value, str) and value):
        raise NotAnEventError(f"no {name}")
    return value


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise NotAnEventError("not an object")
    return cast("dict[str, object]", value)
