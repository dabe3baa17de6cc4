"""Somebody who sends webhooks that are not Stripe's: forged, stale, altered; each must be refused."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx

from fulfil.deploy.embedded import EmbeddedStack

EVERY_S = 1.0
TIMEOUT_S = 10
LONG_S = 3600
KINDS = ("unsigned", "wrong secret", "stale", "from the future", "altered", "malformed")
NAMES = ("payment_intent.succeeded", "payment_intent.amount_capturable_updated", "refund.updated")
FORGED = "evt_forged_"
WRONG_SECRET = "whsec_of_somebody_else"  # noqa: S105 (nobody's)


@dataclass
class Forger:
    """Posts to the webhook endpoint; `answers` counts what came of it by kind of forgery and status."""

    stack: EmbeddedStack
    dice: random.Random
    answers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])

    @property
    def believed(self) -> list[str]:
        """What was not refused, of all that was answered at all."""
        return [f"{kind}: {status}" for kind, status in self.answers if status != HTTPStatus.BAD_REQUEST]

    async def forge(self, until: asyncio.Event) -> None:
        """One round of forgeries after the other until the event."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
            while not until.is_set():
                for kind in KINDS:
                    await self._send(http, kind)
                await asyncio.sleep(EVERY_S)

    async def _send(self, http: httpx.AsyncClient, kind: str) -> None:
        event_id = f"{FORGED}{self.dice.getrandbits(64):016x}"
        body = _event(event_id, self.dice.choice(NAMES))
        url = f"{self.stack.api_url}/api/v1/webhooks/stripe"
        headers = {"Stripe-Signature": self._signature(kind, body), "Content-Type": "application/json"}
        # What is altered was signed as it should be, under another id.
        content = body.replace(b"forged_", b"forged_and_altered_") if kind == "altered" else body
        try:
            answer = await http.post(url, content=content, headers=headers)
        except httpx.TransportError:
            return  # the API is being killed: nobody read it
        if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.answers[kind, answer.status_code] += 1

    def _signature(self, kind: str, body: bytes) -> str:
        secret, now = self.stack.secrets.webhook_secret.get_secret_value(), int(time.time())
        if kind == "unsigned":
            return ""
        if kind == "malformed":
            return f"v1={_hash(body, secret, now)},t=now"
        if kind == "wrong secret":
            return f"t={now},v1={_hash(body, WRONG_SECRET, now)}"
        at = now + {"stale": -LONG_S, "from the future": LONG_S}.get(kind, 0)
        return f"t={at},v1={_hash(body, secret, at)}"


def _event(event_id: str, kind: str) -> bytes:
    thing = {"id": "pi_of_nobody", "object": "payment_intent", "status": "succeeded"}
    return json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": thing}}).encode()


def _hash(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
