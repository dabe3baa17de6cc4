"""Tests of fulfil.quoting."""
