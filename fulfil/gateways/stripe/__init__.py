"""Stripe: one gateway over the official SDK, the facts it reads, the errors it raises and the webhooks it trusts."""
