"""Tests of `fulfil.kit`."""
