"""Profiles that are kept: where time and memory go. docs/performance.md has what they found."""
