"""Tests of messages, tables and migrations."""
