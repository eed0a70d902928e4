"""mkdocs.yml's navigation: an entry that ends in a slash stands for the pages of that folder that it does not name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

PagesOf = Callable[[str], Sequence[str]]
"""The pages of a folder of the site, in their order."""


def expanded(nav: Sequence[Any], pages_of: PagesOf) -> list[Any]:
    """The same navigation without folders. KeyError: a folder has no pages but those that are named."""
    named = set(pages_in(nav))

    def others(folder: str) -> Sequence[str]:
        return [page for page in pages_of(folder) if page not in named]

    return [_expanded_entry(entry, others) for entry in nav]


def _expanded_entry(entry: Any, pages_of: PagesOf) -> Any:
    if isinstance(entry, str):
        return entry
    ((name, target),) = entry.items()
    if isinstance(target, list):
        return {name: [_expanded_entry(child, pages_of) for child in target]}
    if not target.endswith("/"):
        return {name: target}
    pages = pages_of(target)
    if not pages:
        raise KeyError(f"mkdocs.yml names {target}, where no pages are")
    return {name: list(pages)}


def pages_in(nav: Sequence[Any]) -> Iterator[str]:
    """Every page, and every folder, that a navigation names."""
    for entry in nav:
        target = next(iter(entry.values())) if isinstance(entry, Mapping) else entry
        if isinstance(target, str):
            yield target
        else:
            yield from pages_in(target)
