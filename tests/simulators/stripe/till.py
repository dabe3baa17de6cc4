"""A client that moves the simulator's clock and asks it what became of the money."""

from typing import Any

from tests.simulators.stripe_http import StripeHttp, flat

DAY_S = 86_400


class Till(StripeHttp):
    """The bare client, with words for money."""

    async def later(self, seconds: float = 0) -> None:
        """Move the clock on; what is due is done when this returns."""
        await self.admin("POST", "/clock", {"advance_s": seconds})

    async def paid(self, amount: int = 5000, card: str = "pm_card_bypassPending", currency: str = "eur") -> Any:
        """The charge of a payment whose money is available at once."""
        intent = await self.captured(card, amount=amount, currency=currency)
        return await self.read(f"/v1/charges/{intent['latest_charge']}")

    async def balance(self, account: str = "", currency: str = "eur") -> tuple[int, int]:
        """What is pending and what is available."""
        shown = await self.seen("/v1/balance", account)
        return _amount(shown["pending"], currency), _amount(shown["available"], currency)

    async def seen(self, path: str, account: str = "", /, **fields: object) -> Any:
        """A GET as an account."""
        headers = {"Stripe-Account": account} if account else {}
        answer = await self.client.get(path, params=flat(fields), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def done(self, path: str, account: str, /, **fields: object) -> Any:
        """A POST as an account."""
        answer = await self.client.post(path, data=flat(fields), headers={"Stripe-Account": account})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, /, **fields: object) -> Any:
        """The error of a POST that must be refused."""
        answer = await self.post(path, **fields)
        assert answer.status_code == 400, answer.text
        return answer.json()["error"]

    async def events(self, subject: str = "", account: str = "") -> list[str]:
        """The types of the events of an object (of all without one), oldest first."""
        listed = await self.seen("/v1/events", account, limit=100)
        found = [one for one in reversed(listed["data"]) if subject in ("", one["data"]["object"].get("id"))]
        return [str(one["type"]) for one in found]

    async def entry(self, identity: str, account: str = "") -> Any:
        """A balance transaction."""
        return await self.seen(f"/v1/balance_transactions/{identity}", account)

    async def transferred(self, amount: int, account: str, charge: str | None = None) -> Any:
        """A transfer of euros."""
        fields: dict[str, object] = {"amount": amount, "currency": "eur", "destination": account}
        if charge is not None:
            fields["source_transaction"] = charge
        return await self.made("/v1/transfers", **fields)


def _amount(parts: list[dict[str, Any]], currency: str) -> int:
    return sum(int(part["amount"]) for part in parts if part["currency"] == currency)
