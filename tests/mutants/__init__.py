"""Mutation testing of the pure rules and the edges: `make mutants`. mutmut makes the mutants, our own tests have to notice them.

docs/decisions/0013-mutation-testing.md has the why; `python -m tests.mutants --help` the options.
"""
