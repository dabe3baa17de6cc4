"""Tariffs and prices."""
