"""Pictures and meshes to look at."""
