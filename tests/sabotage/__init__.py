"""Sabotage: harm done on purpose, one small change at a time, to see that a test notices it. `make sabotage`.

`kept/` holds the mutations by area; `mutation.py` is their language, `applying.py` finds the place by name in the syntax tree.
"""
