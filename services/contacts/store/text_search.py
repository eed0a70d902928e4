"""Contacts by text, best first: names before emails and companies before notes, and the closest first among equals.

A few letters fit very many contacts. Whether they do is seen at the head of the list; none of these are ranked one by one then: the list is
made of parts, those whose names fit first, and each part that is seen often is read in the order of the list until a page is full.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.db import Connection
from libs.common.ids import ContactId
from services.contacts.domain.text import SearchTerms
from services.contacts.store.contact_search import (
    COLUMNS,
    LAST,
    LISTED,
    ContactFilter,
    ListedContact,
    Parameters,
    fitting,
    listed,
)

LOOKED_AT, MANY = 1_000, 10
"""More than `MANY` of the first `LOOKED_AT` contacts of a list are very many: as many again are found soon by reading on."""

Position = tuple[int, int, datetime, ContactId]

_IN_NAMES, _ANYWHERE = "to_tsvector('simple', c.words_name)", "c.search"


@dataclass(frozen=True)
class _Fit:
    """Conditions that a contact has all the terms somewhere. Each adds to the values of its statement."""

    terms: SearchTerms
    values: Parameters

    def whole(self) -> str:
        """As whole words of the name."""
        return self._found(_ANYWHERE, self.terms.wholes, ":A")

    def name(self) -> str:
        return self._found(_ANYWHERE, self.terms.begins, ":*A")

    def near(self) -> str:
        """In the name, the emails, the company, the title and the tags."""
        return self._found(_ANYWHERE, self.terms.begins, ":*AB")

    def anywhere(self) -> str:
        return self._found(_ANYWHERE, self.terms.begins, ":*")

    def rank(self) -> str:
        """How well a contact fits that has them anywhere."""
        return f"CASE WHEN {self.whole()} THEN 3 WHEN {self.name()} THEN 2 WHEN {self.near()} THEN 1 ELSE 0 END"

    def indexed_whole(self) -> str:
        """As `whole`, by the index of names."""
        return self._found(_IN_NAMES, self.terms.wholes, "")

    def indexed_name(self) -> str:
        """As `name`, by the index of names."""
        return self._found(_IN_NAMES, self.terms.begins, ":*")

    def stretches(self) -> str:
        """That it has these letters next to each other."""
        searched = "c.words_name || ' ' || c.words_near || ' ' || c.words_rest"
        each = [f"strpos({searched}, {self.values.add(text, 'text')}) > 0" for text in self.terms.stretches]
        return " AND ".join(["true", *each])

    def _found(self, searched: str, words: Sequence[str], suffix: str) -> str:
        """Words have nothing but letters and digits."""
        query = " & ".join(f"{word}{suffix}" for word in words)
        return f"{searched} @@ to_tsquery('simple', {self.values.add(query, 'text')})"


@dataclass(frozen=True)
class _Part:
    """One part of the list where very many match: its `rank`, what is in it, and what an index finds of that."""

    rank: int
    fit: Callable[[_Fit], str]
    index: Callable[[_Fit], str]


_PARTS = (
    _Part(3, _Fit.whole, _Fit.indexed_whole),
    _Part(2, lambda fit: f"{fit.name()} AND NOT {fit.whole()}", _Fit.indexed_name),
    _Part(1, lambda fit: f"{fit.near()} AND NOT {fit.name()}", _Fit.anywhere),
    _Part(0, lambda fit: f"{fit.anywhere()} AND NOT {fit.near()}", _Fit.anywhere),
)
_NEAR_OR_NOT = _Part(1, lambda fit: f"{fit.anywhere()} AND NOT {fit.name()}", _Fit.anywhere)
"""The last two as one: no index finds the few with the words near among very many who have them in their notes."""


async def list_by_text(
    connection: Connection, wanted: ContactFilter, terms: SearchTerms, after: Position | None, limit: int
) -> list[ListedContact]:
    """Contacts that have all the terms. Position: rank, score, last contact, id."""
    search = _Search(connection, wanted, terms)
    parts = await search.choose_parts()
    if not parts:
        return await search.list_ranked(after, limit)
    found: list[ListedContact] = []
    reached = (
        max(after[0], min(part.rank for part in parts)) if after else _PARTS[0].rank
    )  # fewer may have matched when the page before was read
    for part, often in parts.items():
        if len(found) < limit and part.rank <= reached:
            behind = after if part.rank == reached else None
            found += await search.list_part(part, behind, limit - len(found), often=often)
    return found


@dataclass(frozen=True)
class _Search:
    """The statements of one search."""

    connection: Connection
    wanted: ContactFilter
    terms: SearchTerms

    async def choose_parts(self) -> Mapping[_Part, bool]:
        """The parts to read the list by, and whether each is seen often at its head; none where few match, or the list is short."""
        fit, conditions = self._begin(LOOKED_AT)
        archived = "c.archived" if self.wanted.archived else "NOT c.archived"
        rows = await self.connection.fetch(
            f"""SELECT CASE WHEN {conditions} AND {fit.anywhere()} AND {fit.stretches()} THEN {fit.rank()} END AS rank, count(*) AS contacts
                FROM (
                    SELECT c.* FROM contacts c WHERE {LISTED} AND {archived} ORDER BY c.score DESC, {LAST} DESC, c.id LIMIT $2
                ) c GROUP BY 1""",  # noqa: S608  (no input in it)
            *fit.values,
        )
        seen: dict[int | None, int] = {row["rank"]: row["contacts"] for row in rows}
        read, matching = sum(seen.values()), sum(seen.values()) - seen.get(None, 0)
        if read < LOOKED_AT or matching <= MANY:
            return {}
        often = {part: seen.get(part.rank, 0) > MANY for part in _PARTS}
        *names, near, rest = _PARTS
        if often[rest] and not often[near]:
            return {part: often[part] for part in names} | {_NEAR_OR_NOT: True}
        return often

    async def list_ranked(self, after: Position | None, limit: int) -> list[ListedContact]:
        """Each match is ranked, then they are sorted."""
        fit, conditions = self._begin(limit)
        behind = f"WHERE {_behind('rank, score, last', after, fit.values)}" if after else ""
        rows = await self.connection.fetch(
            f"""SELECT {COLUMNS}, found.rank FROM (
                    SELECT * FROM (
                        SELECT c.id, c.score, {LAST} AS last, {fit.rank()} AS rank FROM contacts c
                        WHERE {conditions} AND {fit.anywhere()} AND {fit.stretches()}
                    ) ranked {behind} ORDER BY rank DESC, score DESC, last DESC, id LIMIT $2
                ) found JOIN contacts c USING (id) ORDER BY found.rank DESC, found.score DESC, found.last DESC, id""",  # noqa: S608  (no input in it)
            *fit.values,
        )
        return [listed(row, row["rank"]) for row in rows]

    async def list_part(self, part: _Part, after: Position | None, limit: int, *, often: bool) -> list[ListedContact]:
        """In the order of the list: by its index until the page is full, where such contacts come `often`; else by that of words."""
        fit, conditions = self._begin(limit)
        read = f"ORDER BY c.score DESC, {LAST} DESC, c.id" if often else f"AND {part.index(fit)}"
        behind = f"AND {_behind('c.score, c.last', after[1:], fit.values)}" if after else ""
        # OFFSET 0: what is read, and by which index, is not the planner's to choose, who can't know how often letters begin a word.
        rows = await self.connection.fetch(
            f"""SELECT {COLUMNS} FROM (
                    SELECT c.*, {LAST} AS last FROM contacts c WHERE {conditions} {read} OFFSET 0
                ) c WHERE {part.fit(fit)} AND {fit.stretches()} {behind} ORDER BY c.score DESC, c.last DESC, c.id LIMIT $2""",  # noqa: S608  (no input in it)
            *fit.values,
        )
        return [listed(row, part.rank) for row in rows]

    def _begin(self, limit: int) -> tuple[_Fit, str]:
        """The values of a statement, to which conditions can be added; and the condition that a contact is on the list at all."""
        values = Parameters([self.wanted.user_id, limit])
        return _Fit(self.terms, values), f"{LISTED} {fitting(self.wanted, values)}"


def _behind(columns: str, after: Sequence[Any], values: Parameters) -> str:
    """What lies behind a position, in descending order of the columns and ascending order of ids. Adds to the values."""
    *parts, last_id = after
    kinds = ("int", "int", "timestamptz")[-len(parts) :]
    position = ", ".join(values.add(part, kind) for part, kind in zip(parts, kinds, strict=True))
    id_ = "c.id" if columns.startswith("c.") else "id"
    return f"(({columns}) < ({position}) OR ({columns}) = ({position}) AND {id_} > {values.add(last_id, 'uuid')})"
