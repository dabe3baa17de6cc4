"""The Stripe simulator keeps Stripe's contract."""
