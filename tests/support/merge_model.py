"""The reference model of merges: what each contact must show, computed without undoing anything.

Every address, note and word belongs to the contact for which it was added, for ever; a merge is a line between two contacts, and its
undoing takes the line away. What a contact shows is what it has itself, and what those show that were merged into it. Whom the user asked
not to record is gone with all that was merged into it, or loses what came under the rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID


def domain_of(email: str) -> str:
    return email.rpartition("@")[2]


@dataclass
class Rules:
    """What is not to be recorded: addresses and domains, with the ids of their rules."""

    values: dict[str, UUID] = field(default_factory=dict)

    def cover(self, email: str) -> bool:
        return email in self.values or domain_of(email) in self.values


class Shown(NamedTuple):
    """What a contact shows. Notes as their paragraphs, in whatever order."""

    emails: frozenset[str]
    handles: frozenset[str]
    title: str
    company: str
    tags: frozenset[str]
    notes: frozenset[str]
    lines: frozenset[str]


@dataclass
class MergeLine:
    """Who was merged into whom. `hidden`: tags that the user has taken off since. `handle`: by which alone the other was known."""

    survivor: int
    other: int
    handle: str = ""
    hidden: set[str] = field(default_factory=set)
    stands: bool = True


@dataclass
class ModelContact:
    """What a contact has of its own. `companies` by the card that states them, `lines` of chats by their handle in `chats`."""

    emails: set[str] = field(default_factory=set)
    handles: set[str] = field(default_factory=set)
    chats: dict[str, set[str]] = field(default_factory=dict)
    title: str = ""
    companies: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    gone: bool = False


@dataclass
class MergeModel:
    """All contacts of a user by number, and all merges."""

    contacts: list[ModelContact] = field(default_factory=list)
    merges: list[MergeLine] = field(default_factory=list)
    distinct: set[frozenset[int]] = field(default_factory=set)

    def root(self, number: int) -> int:
        """The contact in which this one goes on."""
        for merge in self.merges:
            if merge.stands and merge.other == number:
                return self.root(merge.survivor)
        return number

    def roots(self) -> list[int]:
        return [
            number for number, contact in enumerate(self.contacts) if not contact.gone and self.root(number) == number
        ]

    def emails(self, number: int) -> set[str]:
        """All of a contact and of those that were merged into it."""
        return {email for part in self.parts(number) for email in self.contacts[part].emails}

    def known_by(self, number: int) -> set[str]:
        """Everything that identifies a contact, and those that were merged into it."""
        return self.emails(number) | {handle for part in self.parts(number) for handle in self.contacts[part].handles}

    def give_handle(self, number: int, handle: str, chats: set[str]) -> None:
        """The contact has it, with what was written under it."""
        self.contacts[number].handles.add(handle)
        self.contacts[number].chats[handle] = chats

    def take_handle(self, number: int, handle: str) -> set[str]:
        """The contact has it no longer; what was written under it."""
        self.contacts[number].handles.remove(handle)
        return self.contacts[number].chats.pop(handle)

    def remove(self, number: int) -> None:
        """The contact is gone with all that was merged into it."""
        parts = self.parts(number)
        for part in parts:
            self.contacts[part] = ModelContact(gone=True)
        for merge in self.merges:
            merge.stands = merge.stands and merge.survivor not in parts

    def owner(self, email: str) -> int | None:
        """Whose own this address is."""
        return next((number for number, contact in enumerate(self.contacts) if email in contact.emails), None)

    def owner_of_handle(self, handle: str) -> int | None:
        """Whose own this handle is."""
        return next((number for number, contact in enumerate(self.contacts) if handle in contact.handles), None)

    def undoable(self) -> list[int]:
        """The merges whose survivor was not merged away itself."""
        return [
            number
            for number, merge in enumerate(self.merges)
            if merge.stands and self.root(merge.survivor) == merge.survivor
        ]

    def merged_into(self, number: int) -> Iterator[MergeLine]:
        """The merges into a contact that stand, in their order."""
        return (merge for merge in self.merges if merge.stands and merge.survivor == number)

    def tags(self, number: int) -> set[str]:
        found = set(self.contacts[number].tags)
        for merge in self.merged_into(number):
            found |= self.tags(merge.other) - merge.hidden
        return found

    def remove_tag(self, number: int, tag: str) -> None:
        """Taken off where it is the contact's own; hidden where it came with another."""
        self.contacts[number].tags.discard(tag)
        for merge in self.merged_into(number):
            if tag in self.tags(merge.other):
                merge.hidden.add(tag)

    def title(self, number: int) -> str:
        """The contact's own, else the first that a merge brought."""
        titles = [self.contacts[number].title, *(self.title(merge.other) for merge in self.merged_into(number))]
        return next(filter(None, titles), "")

    def shown(self, number: int) -> Shown:
        contact = self.contacts[number]
        others = [self.shown(merge.other) for merge in self.merged_into(number)]
        companies = {
            name: company for part in self.parts(number) for name, company in self.contacts[part].companies.items()
        }
        return Shown(
            frozenset(contact.emails).union(*(other.emails for other in others)),
            frozenset(contact.handles).union(*(other.handles for other in others)),
            self.title(number),
            next((companies[name] for name in sorted(companies)), ""),
            frozenset(self.tags(number)),
            frozenset(contact.notes).union(*(other.notes for other in others)),
            frozenset(contact.lines).union(*contact.chats.values(), *(other.lines for other in others)),
        )

    def dismiss(self, first: int, second: int) -> None:
        """Nobody who is part of the one is anybody who is part of the other."""
        self.distinct |= {frozenset({a, b}) for a in self.parts(first) for b in self.parts(second)}

    def pairs(self) -> set[frozenset[int]]:
        """Who may be one person where all have one name: every two of whom nothing else was stated."""
        roots = self.roots()
        distinct = {frozenset(map(self.root, pair)) for pair in self.distinct}
        return {frozenset({a, b}) for a in roots for b in roots if a < b} - distinct

    def parts(self, number: int) -> list[int]:
        """The contact and all that were merged into it."""
        return [number, *(part for merge in self.merged_into(number) for part in self.parts(merge.other))]
