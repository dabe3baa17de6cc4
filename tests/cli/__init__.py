"""The command line's own tests."""
