"""Readers of file formats; each turns untrusted bytes into a Mesh or a Drawing."""
