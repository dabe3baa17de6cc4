"""The books: postings, checks, proofs."""
