"""Tests of `fulfil.workers`."""
