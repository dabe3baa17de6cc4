"""Stripe's webhooks: nothing of the body is believed before its signature and age are."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

TOLERANCE_S = 300


class WebhookSignatureError(Exception):
    """The body was not signed by Stripe for us within the last five minutes, or is no event."""


@dataclass(frozen=True)
class StripeEvent:
    """A signed event; `payload` is a snapshot and only a hint: re-read `object_id` from Stripe."""

    id: str
    type: str
    object_id: str
    payload: dict[str, object]


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
        payload: object = json.loads(body)
    except ValueError as error:
        raise WebhookSignatureError("the body is not JSON") from error
    event = _mapping(payload)
    subject = _mapping(_mapping(event.get("data")).get("object"))
    identity, kind, object_id = event.get("id"), event.get("type"), subject.get("id")
    if not (isinstance(identity, str) and isinstance(kind, str) and isinstance(object_id, str)):
        raise WebhookSignatureError("the body is not a Stripe event")
    return StripeEvent(id=identity, type=kind, object_id=object_id, payload=event)


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise WebhookSignatureError("the body is not a Stripe event")
    return cast("dict[str, object]", value)
