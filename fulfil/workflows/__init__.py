"""The business processes as Temporal workflows, one file each."""
