"""Implementations of the workflow ports, on gateways, quoting and tables."""
