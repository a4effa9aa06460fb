"""Somebody else's run, live over a gateway: its address, what comes from there, and how to stay connected."""
