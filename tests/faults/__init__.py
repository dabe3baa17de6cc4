"""The system with its processes killed."""
