"""Providers' connected accounts (Accounts v2): made, onboarded on Stripe's pages, checked before money moves."""

from stripe.params.v2.core import AccountCreateParams, AccountLinkCreateParams

from fulfil.gateways.stripe.base import StripeCalls
from fulfil.gateways.stripe.facts import AccountFacts, OnboardingLink
from fulfil.gateways.stripe.reading import account_facts, onboarding_link


class AccountCalls(StripeCalls):
    """Version 2 of Stripe's API runs failed work again under the same key, so nothing has to be looked for."""

    async def create_recipient_account(
        self,
        *,
        provider_id: str,
        name: str,
        idempotency_key: str,
        country: str = "de",
        contact_email: str | None = None,
    ) -> str:
        """A connected account (`acct_…`) that receives transfers; the platform bears its losses and fees."""
        params: AccountCreateParams = {
            "display_name": name,
            "dashboard": "express",
            "identity": {"country": country},
            "configuration": {
                "recipient": {"capabilities": {"stripe_balance": {"stripe_transfers": {"requested": True}}}}
            },
            "defaults": {"responsibilities": {"fees_collector": "application", "losses_collector": "application"}},
            "metadata": {"provider_id": provider_id},
        }
        if contact_email:
            params["contact_email"] = contact_email
        account = await self._call(
            self._client.v2.core.accounts.create_async(params, {"idempotency_key": idempotency_key})
        )
        return account.id

    async def retrieve_recipient_account(self, account_id: str) -> AccountFacts:
        """Whether an account can receive transfers, and what its owner must still provide."""
        account = await self._call(
            self._client.v2.core.accounts.retrieve_async(
                account_id, {"include": ["configuration.recipient", "requirements"]}
            )
        )
        return account_facts(account)

    async def create_onboarding_link(
        self, account_id: str, *, refresh_url: str, return_url: str, idempotency_key: str
    ) -> OnboardingLink:
        """Where the owner completes the account; each visit needs a new link, and so a new key."""
        params: AccountLinkCreateParams = {
            "account": account_id,
            "use_case": {
                "type": "account_onboarding",
                "account_onboarding": {"refresh_url": refresh_url, "return_url": return_url},
            },
        }
        link = await self._call(
            self._client.v2.core.account_links.create_async(params, {"idempotency_key": idempotency_key})
        )
        return onboarding_link(link)
