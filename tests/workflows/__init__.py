"""Workflows on the time-skipping server, with fakes made from the ports."""
