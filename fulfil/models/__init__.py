"""What is said (messages) and what is kept (tables); imports nothing else of the project."""
