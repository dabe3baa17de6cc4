"""SELECT-only queries behind the routes."""
