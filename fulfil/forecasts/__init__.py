"""When work will probably be ready, from what has been reported of it."""
