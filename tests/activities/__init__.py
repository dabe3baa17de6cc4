"""Tests of fulfil.activities."""
