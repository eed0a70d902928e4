"""Benchmarks: `make bench`. Figures, not tests: nothing here passes or fails."""
