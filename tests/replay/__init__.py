"""Stored histories, replayed."""
