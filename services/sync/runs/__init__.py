"""Carrying out runs: who may, when, how many at a time, and what is written down of them. What they read is registered in `__main__`."""
