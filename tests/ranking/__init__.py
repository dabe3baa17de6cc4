"""Tests of fulfil.ranking."""
