"""The API by subjects: each module has a `router`."""
