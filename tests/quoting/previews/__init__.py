"""Pictures and viewer meshes."""
