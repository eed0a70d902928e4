"""The language of the kept mutations: where, what is changed, and which tests should notice.

A place is `path/of/module.py::qualified.name` (a function, a method, a class or a module-level assignment), or the path alone for
an SQL or Lua file. A pattern is Python code, compared by its syntax tree: layout and quotes do not matter, and `...` stands for any
expression or, as an argument, for all the arguments that are left. Each pattern has to be there exactly once.
"""

from dataclasses import dataclass
from typing import Literal, assert_never


@dataclass(frozen=True)
class Replace:
    """One expression or statement becomes another; an empty `by` deletes the statement."""

    pattern: str
    by: str


@dataclass(frozen=True)
class Swap:
    """Two statements change places: what has to be first comes second."""

    first: str
    second: str


@dataclass(frozen=True)
class InText:
    """A part of a string constant (SQL, mostly), or of an SQL or Lua file, is replaced. White space counts as one space."""

    part: str
    by: str


Change = Replace | Swap | InText
Kind = Literal["lost", "twice", "others", "order", "private", "edges", "read"]


@dataclass(frozen=True)
class Mutation:
    """One harmful change and who should notice it.

    `name` states the harm in a few words, unique in the list; `kind` is the section of docs/promises.md. `noticed_by` are pytest's
    arguments: files or single tests, as few as will do.
    """

    name: str
    kind: Kind
    place: str
    change: Change
    noticed_by: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file, from the root of the checkout."""
        return self.place.split("::")[0]

    @property
    def qualified_name(self) -> str:
        """The function or class in it; empty for the whole file."""
        return self.place.partition("::")[2]


def description(change: Change) -> str:
    """The change in a line."""
    match change:
        case Replace(pattern, ""):
            return f"without `{pattern}`"
        case Replace(pattern, by):
            return f"`{pattern}` becomes `{by}`"
        case Swap(first, second):
            return f"`{second}` before `{first}`"
        case InText(part, by):
            return f"`{part}` becomes `{by}`"
        case _:
            assert_never(change)
