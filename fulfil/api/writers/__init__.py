"""Rows the API itself owns: accounts, files, idempotency keys, webhook and production reports."""
