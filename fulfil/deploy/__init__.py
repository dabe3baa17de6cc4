"""How the system is run: the embedded stack and the production images."""
