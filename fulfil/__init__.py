"""Fulfil: made-to-order manufacturing and services, from file to payout, orchestrated by Temporal."""
