"""The books of stock: what lots hold, what is leased to whom, and whether it adds up."""
