"""Tests of the books of stock on a real PostgreSQL."""
