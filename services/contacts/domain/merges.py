"""What a contact shows after another was merged into it, and how that is taken back."""

from collections.abc import Mapping
from typing import Any

SCALARS = ("name", "company", "title", "photo_url", "birthday")


def merged_columns(survivor: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The survivor's columns that change: what the user typed on the other is kept where the survivor has nothing typed."""
    edited = set(survivor["edited"])
    columns: dict[str, Any] = {}
    for name in SCALARS:
        if name in other["edited"] and name not in edited and other[name]:
            columns[name] = other[name]
            edited.add(name)
    if notes := "\n\n".join(filter(None, (survivor["notes"], other["notes"]))):
        columns["notes"] = notes
    for name in ("tags", "typed_phones", "dropped_phones"):
        columns[name] = list(dict.fromkeys([*survivor[name], *other[name]]))
    if "urls" in edited or "urls" in other["edited"]:
        columns["urls"] = list(dict.fromkeys([*survivor["urls"], *other["urls"]]))
        edited.add("urls")
    columns["edited"] = sorted(edited | {name for name in ("notes", "tags") if name in other["edited"]})
    return columns


def restored_columns(now: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The columns to set back: those that still are as the merge left them. What the user changed since then stays."""
    return {name: value for name, value in before.items() if now[name] == after[name] and now[name] != value}
