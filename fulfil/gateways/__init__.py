"""One module per foreign system, typed at its border."""
