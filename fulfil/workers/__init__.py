"""One composition root per task queue."""
