"""A bare HTTP client that speaks Stripe's form encoding."""

from collections.abc import Mapping
from typing import Any, cast

import httpx

from tests.simulators.processes import API_KEY
from tests.simulators.stripe.answers import conforms


class StripeHttp:
    """Bare HTTP, so that a test sees status, headers and body as they are."""

    def __init__(self, url: str, api_key: str = API_KEY) -> None:
        self.client = httpx.AsyncClient(
            base_url=url, auth=(api_key, ""), timeout=20, trust_env=False, event_hooks={"response": [conforms]}
        )

    async def post(self, path: str, key: str | None = None, /, **fields: object) -> httpx.Response:
        """A form; dicts and lists become brackets."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self.client.post(path, data=flat(fields), headers=headers)

    async def get(self, path: str, /, **fields: object) -> httpx.Response:
        """A query."""
        return await self.client.get(path, params=flat(fields))

    async def made(self, path: str, /, **fields: object) -> Any:
        """The JSON of a POST that must succeed."""
        answer = await self.post(path, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def read(self, path: str, /, **fields: object) -> Any:
        """The JSON of a GET that must succeed."""
        answer = await self.get(path, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def admin(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an admin call that must succeed."""
        answer = await self.client.request(method, f"/_simulator{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def dump(self) -> Any:
        """Everything the simulator knows."""
        return await self.admin("GET", "/dump")

    async def payment(self, card: str | None = None, /, **fields: object) -> Any:
        """A manual-capture payment of 50.00 EUR, confirmed when a card is given."""
        given: dict[str, object] = {
            "amount": 5000,
            "currency": "eur",
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            **fields,
        }
        if card is not None:
            given |= {"confirm": True, "payment_method": card}
        return await self.made("/v1/payment_intents", **given)

    async def captured(self, card: str = "pm_card_visa", /, **fields: object) -> Any:
        """A payment that was taken."""
        intent = await self.payment(card, **fields)
        return await self.made(f"/v1/payment_intents/{intent['id']}/capture")

    async def recipient(self) -> str:
        """A connected account that may receive transfers."""
        transfers = {"stripe_transfers": {"requested": True}}
        body = {"configuration": {"recipient": {"capabilities": {"stripe_balance": transfers}}}}
        answer = await self.client.post("/v2/core/accounts", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


def flat(fields: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Stripe's form encoding: `{"a": {"b": 1}}` is `a[b]=1`."""
    encoded: dict[str, str] = {}
    for name, value in fields.items():
        full = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            encoded |= flat(cast("dict[str, object]", value), full)
        elif isinstance(value, list):
            items = cast("list[object]", value)
            encoded |= flat({str(index): item for index, item in enumerate(items)}, full)
        elif isinstance(value, bool):
            encoded[full] = str(value).lower()
        else:
            encoded[full] = str(value)
    return encoded
