"""Tests of fulfil.gateways."""
