"""Measuring solids."""
