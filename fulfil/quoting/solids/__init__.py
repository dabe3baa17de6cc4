"""Measurements of solids."""
