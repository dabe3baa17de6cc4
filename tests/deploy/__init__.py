"""Tests of `fulfil.deploy`."""
