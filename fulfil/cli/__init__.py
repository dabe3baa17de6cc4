"""The fulfil command."""
