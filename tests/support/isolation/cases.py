"""The calls that are generated from a declaration: one's own ids and another's in every mixture."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from libs.common.ids import new_id
from libs.common.requests import PublishedItem, PublishedMessage
from tests.support.isolation import fields
from tests.support.isolation.belongings import Belongings
from tests.support.isolation.fields import ABSENT, OF_THE_CALLER, THINGS
from tests.support.isolation.people import texts


@dataclass(frozen=True)
class Declaration:
    """What takes values by name: a request of the bus, an operation of the API. `names`: whether each has to be given."""

    where: str
    names: Mapping[str, bool]
    request: type | None = None

    @classmethod
    def of_request(cls, request: type[BaseModel]) -> "Declaration":
        return cls(request.__name__, required_fields(request), request)


def required_fields(model: type[BaseModel]) -> dict[str, bool]:
    """By the name under which it is sent."""
    return {info.alias or name: info.is_required() for name, info in model.model_fields.items() if name != "published"} | (
        {"published": True} if "published" in model.model_fields else {}
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Values by name; `hers` are the names of those that are another's."""

    where: str
    values: Mapping[str, Any]
    hers: frozenset[str] = field(default_factory=frozenset)

    @property
    def names_a_thing_of_hers(self) -> bool:
        return bool(self.hers & THINGS.keys())

    def with_made_up_things(self) -> tuple["Case", dict[str, str]]:
        """The same with ids of nothing in place of hers; and which text stands for which."""
        return self.with_made_up(self.hers & THINGS.keys())

    def with_made_up(self, names: Collection[str]) -> tuple["Case", dict[str, str]]:
        """The same with what is nothing's in these places; and which text stands for which."""
        made = {name: _made_up(self.values[name]) for name in names}
        pairs = {
            before: after
            for name, value in made.items()
            for before, after in zip(texts([self.values[name]]), texts([value]), strict=True)
        }
        return replace(self, values={**self.values, **made}), pairs

    def __str__(self) -> str:
        shown = {name: str(value)[:60] for name, value in self.values.items() if name not in OF_THE_CALLER}
        return f"{self.where} {shown}, of another: {sorted(self.hers)}"


def _made_up(value: Any) -> Any:
    match value:
        case tuple():
            return tuple(map(_made_up, value))
        case PublishedItem():
            return value.model_copy(update={"id": str(new_id())})
        case PublishedMessage():
            return value.model_copy(update={"gmail_id": str(new_id())})
        case _:
            return type(value)(str(new_id()))


def cases(declared: Declaration, caller: Belongings, other: Belongings, cursor: str | None = None) -> Iterator[Case]:
    """Every mixture of the caller's and the other's values, those with nothing of the other's last."""
    options = {
        name: list(_options(declared, name, caller, other, cursor, required=required))
        for name, required in declared.names.items()
    }
    made = []
    for combination in product(*options.values()):
        chosen = dict(zip(options, combination, strict=True))
        values = {name: value for name, (value, _) in chosen.items() if value is not ABSENT}
        made.append(Case(declared.where, values, frozenset(name for name, (_, is_hers) in chosen.items() if is_hers)))
    yield from sorted(made, key=lambda case: not case.hers)


def _options(
    declared: Declaration, name: str, caller: Belongings, other: Belongings, cursor: str | None, *, required: bool
) -> Iterator[tuple[Any, bool]]:
    """Values for a field, each with whether it is the other's."""
    if name in OF_THE_CALLER:
        yield OF_THE_CALLER[name](caller), False
        return
    own = fields.values_of(declared.where, declared.request, name, caller)
    for value in fields.values_of(declared.where, declared.request, name, other):
        yield value, caller is other or value not in own
    if name == "cursor" and cursor:
        yield cursor, True
    yield (own[0] if own else fields.plain_value(declared.where, name)), False
    if own and not required:
        yield ABSENT, False


def owners_case(declared: Declaration, owner: Belongings) -> Iterator[Case]:
    """What the owner would send, with each of their values."""
    for case in cases(declared, owner, owner):
        if case.hers or not declared.names.keys() & (THINGS.keys() | fields.SHARED.keys()):
            yield case


def shown_of(other: Belongings, text: str, sent: Mapping[str, Any]) -> list[str]:
    """What a response shows of another's, beside what was sent, and addresses, which the caller may have written somewhere."""
    for value in sorted(texts([*sent.values(), other.emails]), key=len, reverse=True):
        text = text.replace(value, "") if value else text
    shown = [id_ for id_ in other.ids if id_ in text]
    return [*shown, *([other.tag] if other.tag in text.lower() else [])]


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, UUID) else value
