"""The books: accounts, what each money fact posts, the checks and the proof; read by the API, written by activities."""
