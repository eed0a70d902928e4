"""Which addresses and cards are one person: docs/rules.md, "Google contacts" and "Which contacts exist".

Cards join the addresses that they name, the cards of names that Google knew them by before, and each other where they share a phone
and the name. What the user made, edited or
merged is *pinned*: nothing is taken from it and it is never merged by itself; cards that name one of its addresses belong to it.
The same addresses and cards give the same groups, whatever came first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.ids import AccountId, ContactId
from services.contacts.domain.addresses import AddressId

CardKey = tuple[AccountId, str]
"""account, resource name"""


@dataclass(frozen=True)
class Member:
    """An email address. `has_reason`: mail or a meeting makes it a contact. `barred`: the user took it away."""

    id: AddressId
    contact: ContactId | None
    has_reason: bool = False
    barred: bool = False


@dataclass(frozen=True)
class Card:
    """A card: the ids of its addresses in its order, its phones, its folded name, what it was before Google merged or renamed it.

    Removed cards still join, but support nothing.
    """

    key: CardKey
    emails: tuple[AddressId, ...]
    phones: frozenset[str]
    folded_name: str
    contact: ContactId | None
    live: bool = True
    former: tuple[CardKey, ...] = ()

    @property
    def marks(self) -> Iterable[tuple[str, str]]:
        """What it shares with another card of the same person."""
        return ((phone, self.folded_name) for phone in self.phones) if self.folded_name else ()


@dataclass(frozen=True)
class Person:
    """A contact as it is now. `anchored`: notes, logged mail or other platforms hang on it. `imported`: a card was behind it.

    `met`: interactions hang on its addresses, if only as a silent co-recipient.
    """

    id: ContactId
    pinned: bool = False
    anchored: bool = False
    imported: bool = False
    met: bool = False
    phones: frozenset[str] = frozenset()
    folded_name: str = ""


@dataclass
class Resolution:
    """What is to be: who owns each address and card, who is new, who goes into whom, who is archived, who vanishes."""

    addresses: dict[AddressId, ContactId | None] = field(default_factory=dict)
    cards: dict[CardKey, ContactId | None] = field(default_factory=dict)
    created: list[ContactId] = field(default_factory=list)
    merged: dict[ContactId, ContactId] = field(default_factory=dict)
    archived: dict[ContactId, bool] = field(default_factory=dict)
    vanished: set[ContactId] = field(default_factory=set)


Node = tuple[str, AddressId] | tuple[str, CardKey] | tuple[str, ContactId] | tuple[str, tuple[str, str]]
"""what can hang together: an address, a card, a contact without either, or a phone with a name"""


@dataclass
class _Component:
    """One person to be: its addresses and cards, and the contacts that go on in it."""

    emails: list[AddressId] = field(default_factory=list)
    cards: list[CardKey] = field(default_factory=list)
    heirs: list[ContactId] = field(default_factory=list)


@dataclass(frozen=True)
class _Loose:
    """The contacts, and the addresses and cards that belong to no pinned one, by their ids."""

    people: Mapping[ContactId, Person]
    members: Mapping[AddressId, Member]
    cards: Mapping[CardKey, Card]


def resolved_identities(
    people: Sequence[Person], members: Sequence[Member], cards: Sequence[Card], new_id: Callable[[], ContactId]
) -> Resolution:
    """Who is who in a closed set: with each person all its addresses and cards, with each card all that it names."""
    resolution = Resolution()
    people_by_id = {person.id: person for person in people}
    homes = _pinned_homes(people_by_id, {member.id: member.contact for member in members}, cards)
    free = [member for member in members if not _is_pinned(member.contact, people_by_id)]
    for card in cards:
        if home := homes.get(card.key):
            resolution.cards[card.key] = home
            resolution.addresses |= {
                member.id: home
                for member in free
                if member.contact is None and not member.barred and member.id in card.emails
            }
    free = [member for member in free if member.id not in resolution.addresses]
    loose = [card for card in cards if card.key not in homes]
    parts = _Loose(people_by_id, {member.id: member for member in free}, {card.key: card for card in loose})
    for component in _components(people, free, loose):
        _settle(component, parts, resolution, new_id)
    return resolution


def _is_pinned(contact: ContactId | None, people: Mapping[ContactId, Person]) -> bool:
    return contact is not None and contact in people and people[contact].pinned


def _pinned_homes(
    people: Mapping[ContactId, Person], owners: Mapping[AddressId, ContactId | None], cards: Sequence[Card]
) -> dict[CardKey, ContactId]:
    """Cards that belong to a pinned contact: linked before or as a former card, by the first email that it owns, else by phone and name."""
    homes: dict[CardKey, ContactId] = {}
    marks: dict[tuple[str, str], ContactId] = {}
    pinned = [person for person in people.values() if person.pinned and person.folded_name]
    for person in sorted(pinned, key=lambda person: person.id, reverse=True):
        marks |= {(phone, person.folded_name): person.id for phone in person.phones}
    ordered = sorted(cards, key=lambda card: (str(card.key[0]), card.key[1]))
    linked = {card.key: card.contact for card in cards}
    for card in ordered:
        candidates = [
            card.contact,
            *(linked.get(key) for key in card.former),
            *(owners.get(email) for email in card.emails),
        ]
        home = next((contact for contact in candidates if contact is not None and _is_pinned(contact, people)), None)
        if home is not None:
            homes[card.key] = home
            for mark in card.marks:
                marks.setdefault(mark, home)
    _follow_marks(homes, marks, [card for card in ordered if card.key not in homes])
    return homes


def _follow_marks(
    homes: dict[CardKey, ContactId], marks: dict[tuple[str, str], ContactId], waiting: list[Card]
) -> None:
    """Cards that share a mark with a home join it and bring their own marks, until none joins any more."""
    while waiting:
        joining = {
            card.key: home
            for card in waiting
            if (home := next((marks[mark] for mark in card.marks if mark in marks), None))
        }
        if not joining:
            return
        homes |= joining
        for card in waiting:
            for mark in card.marks if card.key in joining else ():
                marks.setdefault(mark, joining[card.key])
        waiting = [card for card in waiting if card.key not in joining]


class _DisjointSets:
    """Nodes that hang together, by a common root."""

    def __init__(self) -> None:
        self._parents: dict[Node, Node] = {}

    def root(self, node: Node) -> Node:
        self._parents.setdefault(node, node)
        while self._parents[node] != node:
            self._parents[node] = self._parents[self._parents[node]]
            node = self._parents[node]
        return node

    def join(self, node: Node, other: Node) -> None:
        self._parents[self.root(node)] = self.root(other)


def _joined(members: Sequence[Member], cards: Sequence[Card]) -> _DisjointSets:
    """Each card joins its addresses, as far as nobody took them away, what it was before, and the cards of the same phone and name."""
    sets = _DisjointSets()
    free = {member.id for member in members if not member.barred}
    loose = {card.key for card in cards}
    for card in cards:
        for key in card.former:
            if key in loose:
                sets.join(("card", key), ("card", card.key))
        for email in card.emails:
            if email in free:
                sets.join(("email", email), ("card", card.key))
        for mark in card.marks:
            sets.join(("mark", mark), ("card", card.key))
    return sets


Parts = dict[ContactId, dict[Node, tuple[int, int, str]]]
"""Where the parts of each contact are now: the root of their component, and the order of the first part that is there."""


def _components(people: Sequence[Person], members: Sequence[Member], cards: Sequence[Card]) -> list[_Component]:
    sets = _joined(members, cards)
    components: dict[Node, _Component] = defaultdict(_Component)
    parts: Parts = defaultdict(dict)
    for member in members:
        root = sets.root(("email", member.id))
        components[root].emails.append(member.id)
        _add_part(parts, member.contact, root, (1, member.id, ""))
    for card in cards:
        root = sets.root(("card", card.key))
        components[root].cards.append(card.key)
        _add_part(parts, card.contact, root, (0 if card.live else 2, 0, f"{card.key[0]} {card.key[1]}"))
    for person in people:
        if person.pinned:
            continue
        places = parts.get(person.id)
        # A contact that falls apart lives on where its card is, else where its oldest address is.
        root = min(places, key=lambda node: places[node]) if places else sets.root(("contact", person.id))
        components[root].heirs.append(person.id)
    return list(components.values())


def _add_part(parts: Parts, contact: ContactId | None, root: Node, order: tuple[int, int, str]) -> None:
    if contact is not None:
        parts[contact][root] = min(order, parts[contact].get(root, order))


def _settle(component: _Component, parts: _Loose, resolution: Resolution, new_id: Callable[[], ContactId]) -> None:
    """One component becomes one contact, an archived one, or none."""
    heirs = sorted(component.heirs)
    people = parts.people
    here = [parts.members[email] for email in component.emails]
    supported = (
        any(member.has_reason and not member.barred for member in here)
        or any(_supports(parts.cards[key], parts.members) for key in component.cards)
        or any(people[heir].anchored for heir in heirs)
    )
    kept = supported or any(people[heir].imported for heir in heirs)
    if not kept:
        resolution.vanished |= set(heirs)
        resolution.addresses |= dict.fromkeys(component.emails)
        resolution.cards |= dict.fromkeys(component.cards)
        return
    home = heirs[0] if heirs else new_id()
    if not heirs:
        resolution.created.append(home)
    resolution.merged |= dict.fromkeys(heirs[1:], home)
    resolution.archived[home] = not supported and not any(people[heir].imported and people[heir].met for heir in heirs)
    resolution.addresses |= {member.id: None if member.barred else home for member in here}
    resolution.cards |= dict.fromkeys(component.cards, home)


def _supports(card: Card, members: Mapping[AddressId, Member]) -> bool:
    """A card whose every address the user took away stays away."""
    taken = [members[email].barred for email in card.emails if email in members]
    return card.live and not (taken and all(taken))
