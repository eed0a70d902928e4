"""Mutants that change nothing that anybody could see, each with the reason. They are not sampled.

By module and change as a report prints them. The list is short on purpose: what can matter gets a test.
"""

EQUIVALENT: dict[str, dict[str, str]] = {}
