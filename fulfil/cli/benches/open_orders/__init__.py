"""Many orders open at once, waiting with timers: what they cost, and how soon a fresh worker serves them."""
