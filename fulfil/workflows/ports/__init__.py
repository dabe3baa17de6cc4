"""What a workflow needs from the world: abstract activity classes."""
