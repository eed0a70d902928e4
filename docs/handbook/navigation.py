"""mkdocs.yml's navigation: an entry that ends in a slash stands for the pages of that folder, each under its title."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

PagesOf = Callable[[str], Sequence[str]]
"""The pages of a folder of the site, in their order."""


def expanded(nav: Sequence[Any], pages_of: PagesOf) -> list[Any]:
    """The same navigation without folders. KeyError: a folder has no pages."""
    return [_expanded_entry(entry, pages_of) for entry in nav]


def _expanded_entry(entry: Any, pages_of: PagesOf) -> Any:
    if isinstance(entry, str):
        return entry
    ((name, target),) = entry.items()
    if isinstance(target, list):
        return {name: expanded(target, pages_of)}
    if not target.endswith("/"):
        return {name: target}
    pages = pages_of(target)
    if not pages:
        raise KeyError(f"mkdocs.yml names {target}, where no pages are")
    return {name: list(pages)}


def pages_in(nav: Sequence[Any]) -> Iterator[str]:
    """Every page that a navigation names, folders expanded before."""
    for entry in nav:
        target = next(iter(entry.values())) if isinstance(entry, Mapping) else entry
        if isinstance(target, str):
            yield target
        else:
            yield from pages_in(target)
