"""Tests of quoting/drawings."""
