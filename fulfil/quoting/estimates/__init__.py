"""Material and time, estimated with a band."""
