"""A stateful local stand-in for Stripe over real HTTP; only the operations Fulfil uses, everything else is a 404."""
