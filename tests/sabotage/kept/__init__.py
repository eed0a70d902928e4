"""The kept mutations, a module per kind of promise, or a package with a module per service; the consent to assistants is apart.

Each fault that is ever found adds one.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

from tests.sabotage.mutation import Mutation


def all_mutations() -> tuple[Mutation, ...]:
    """Every mutation of every module of this package, in the order of the modules."""
    return tuple(_mutations())


def _mutations() -> Iterator[Mutation]:
    for module in sorted(walk_packages(__path__, f"{__name__}."), key=lambda module: module.name):
        if not module.ispkg:
            yield from import_module(module.name).MUTATIONS
