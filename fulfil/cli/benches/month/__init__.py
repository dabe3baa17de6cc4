"""A simulated month: customers, providers and support play whole orders on virtual time; then all is examined."""
