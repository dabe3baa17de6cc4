"""Measurements of drawings."""
