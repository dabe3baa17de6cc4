"""Tests of fulfil.quoting.estimates."""
