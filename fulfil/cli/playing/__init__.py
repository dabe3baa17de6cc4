"""The people of an order as well-behaved clients of the API: demo, benchmark, fault run and tests play with them."""
