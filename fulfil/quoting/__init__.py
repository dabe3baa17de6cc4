"""Bytes to geometry to findings to price; pure functions without network, database or clock."""
