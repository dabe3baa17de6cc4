"""Tests of fulfil.documents."""
