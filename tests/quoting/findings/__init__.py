"""Tests of fulfil.quoting.findings."""
