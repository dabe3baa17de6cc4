"""Tests of fulfil.quoting.prices."""
