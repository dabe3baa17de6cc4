"""Stateful local stand-ins for foreign systems, over real HTTP."""
