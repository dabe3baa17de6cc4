"""Whole orders on the embedded stack, through real HTTP."""
