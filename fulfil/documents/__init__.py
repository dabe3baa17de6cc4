"""Invoices, receipts, credit notes and self-billing statements: a snapshot in, the bytes of a PDF out; pure."""
