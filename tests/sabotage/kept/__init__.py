"""The kept mutations, one module per area. Each fault that is ever found adds one."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from tests.sabotage.mutation import Mutation


def all_mutations() -> tuple[Mutation, ...]:
    """Every mutation of every module of this package, in the order of the modules."""
    return tuple(_mutations())


def _mutations() -> Iterator[Mutation]:
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        yield from import_module(f"{__name__}.{module.name}").MUTATIONS
