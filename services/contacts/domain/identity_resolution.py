"""Which addresses and cards are one person. docs/rules.md, "Google contacts" and "Which contacts exist".

Cards join the addresses that they name, and each other where they share a phone and the name. What the user made, edited or
merged is *pinned*: nothing is taken from it and it is never merged by itself; cards that name one of its addresses belong to it.
The same addresses and cards give the same groups, whatever came first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

CardKey = tuple[UUID, str]
"""account, resource name"""


@dataclass(frozen=True)
class Member:
    """An email address. `wanted`: mail or a meeting makes it a contact. `barred`: the user took it away."""

    id: int
    contact: UUID | None
    wanted: bool = False
    barred: bool = False


@dataclass(frozen=True)
class Card:
    """A card: the ids of its addresses in its order, its phones, its folded name. Gone cards still join, but support nothing."""

    key: CardKey
    emails: tuple[int, ...]
    phones: frozenset[str]
    folded: str
    contact: UUID | None
    live: bool = True

    @property
    def marks(self) -> Iterable[tuple[str, str]]:
        """What it shares with another card of the same person."""
        return ((phone, self.folded) for phone in self.phones) if self.folded else ()


@dataclass(frozen=True)
class Person:
    """A contact as it is now. `anchored`: notes, logged mail or other platforms hang on it. `imported`: a card was behind it.

    `met`: interactions hang on its addresses, if only as a silent co-recipient.
    """

    id: UUID
    pinned: bool = False
    anchored: bool = False
    imported: bool = False
    met: bool = False
    phones: frozenset[str] = frozenset()
    folded: str = ""


@dataclass
class Groups:
    """What is to be: who owns each address and card, who is new, who goes into whom, who is archived, who vanishes."""

    addresses: dict[int, UUID | None] = field(default_factory=dict)
    cards: dict[CardKey, UUID | None] = field(default_factory=dict)
    created: list[UUID] = field(default_factory=list)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    archived: dict[UUID, bool] = field(default_factory=dict)
    vanished: set[UUID] = field(default_factory=set)


Node = tuple[str, int] | tuple[str, CardKey] | tuple[str, UUID]


def group(
    people: Sequence[Person], members: Sequence[Member], cards: Sequence[Card], fresh: Callable[[], UUID]
) -> Groups:
    """The groups of a closed set: with each person all its addresses and cards, with each card all that it names."""
    groups = Groups()
    by_id = {person.id: person for person in people}
    owner = {member.id: member.contact for member in members}
    pins = _pin_cards(by_id, owner, cards)
    free = [member for member in members if not _is_pinned(member.contact, by_id)]
    for card in cards:
        if home := pins.get(card.key):
            groups.cards[card.key] = home
            groups.addresses |= {
                member.id: home
                for member in free
                if member.contact is None and not member.barred and member.id in card.emails
            }
    free = [member for member in free if member.id not in groups.addresses]
    loose = [card for card in cards if card.key not in pins]
    for component in _components(people, free, loose):
        _settle(
            component, by_id, {member.id: member for member in free}, {card.key: card for card in loose}, groups, fresh
        )
    return groups


def _is_pinned(contact: UUID | None, people: Mapping[UUID, Person]) -> bool:
    return contact is not None and contact in people and people[contact].pinned


def _pin_cards(
    people: Mapping[UUID, Person], owner: Mapping[int, UUID | None], cards: Sequence[Card]
) -> dict[CardKey, UUID]:
    """Cards that belong to a pinned contact: linked before, by the first email that it owns, else by phone and name."""
    pins: dict[CardKey, UUID] = {}
    marks: dict[tuple[str, str], UUID] = {}
    for person in sorted(
        (one for one in people.values() if one.pinned and one.folded), key=lambda one: one.id, reverse=True
    ):
        marks |= {(phone, person.folded): person.id for phone in person.phones}
    ordered = sorted(cards, key=lambda card: (str(card.key[0]), card.key[1]))
    for card in ordered:
        owners = [card.contact, *(owner.get(email) for email in card.emails)]
        if home := next((one for one in owners if one is not None and _is_pinned(one, people)), None):
            pins[card.key] = home
            for mark in card.marks:
                marks.setdefault(mark, home)
    waiting = [card for card in ordered if card.key not in pins]
    while waiting:
        found = {
            card.key: home for card in waiting if (home := next((marks[m] for m in card.marks if m in marks), None))
        }
        if not found:
            break
        pins |= found
        for card in waiting:
            for mark in card.marks if card.key in found else ():
                marks.setdefault(mark, found[card.key])
        waiting = [card for card in waiting if card.key not in found]
    return pins


@dataclass
class _Component:
    """One person to be: its nodes, and the contacts that go on in it."""

    emails: list[int] = field(default_factory=list)
    cards: list[CardKey] = field(default_factory=list)
    heirs: list[UUID] = field(default_factory=list)


def _components(people: Sequence[Person], members: Sequence[Member], cards: Sequence[Card]) -> list[_Component]:
    parent: dict[Node, Node] = {}

    def find(node: Node) -> Node:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    free = {member.id for member in members if not member.barred}
    for member in members:
        find(("email", member.id))
    for card in cards:
        find(("card", card.key))
        for email in card.emails:
            if email in free:
                parent[find(("email", email))] = find(("card", card.key))
        for phone, folded in card.marks:
            parent[find(("mark", (UUID(int=0), f"{phone} {folded}")))] = find(("card", card.key))

    components: dict[Node, _Component] = defaultdict(_Component)
    shares: dict[UUID, dict[Node, tuple[int, int, str]]] = defaultdict(dict)  # contact → where its parts are now
    for member in members:
        root = find(("email", member.id))
        components[root].emails.append(member.id)
        _claim(shares, member.contact, root, (0, member.id, ""))
    for card in cards:
        root = find(("card", card.key))
        components[root].cards.append(card.key)
        _claim(shares, card.contact, root, (1, 0, f"{card.key[0]} {card.key[1]}"))
    for person in people:
        if person.pinned:
            continue
        claims = shares.get(person.id)
        # A contact that falls apart lives on where its oldest address is.
        root = min(claims, key=lambda node: claims[node]) if claims else find(("contact", person.id))
        components[root].heirs.append(person.id)
    return list(components.values())


def _claim(
    shares: dict[UUID, dict[Node, tuple[int, int, str]]], contact: UUID | None, root: Node, order: tuple[int, int, str]
) -> None:
    if contact is not None:
        shares[contact][root] = min(order, shares[contact].get(root, order))


def _settle(
    component: _Component, people: Mapping[UUID, Person], members: Mapping[int, Member], cards: Mapping[CardKey, Card],
    groups: Groups, fresh: Callable[[], UUID],
) -> None:  # fmt: skip
    """One component becomes one contact, an archived one, or none."""
    heirs = sorted(component.heirs)
    here = [members[email] for email in component.emails]
    supported = (
        any(member.wanted and not member.barred for member in here)
        or any(_supports(cards[key], members) for key in component.cards)
        or any(people[heir].anchored for heir in heirs)
    )
    kept = supported or any(people[heir].imported for heir in heirs)
    if not kept:
        groups.vanished |= set(heirs)
        groups.addresses |= dict.fromkeys(component.emails)
        groups.cards |= dict.fromkeys(component.cards)
        return
    home = heirs[0] if heirs else fresh()
    if not heirs:
        groups.created.append(home)
    groups.merged |= dict.fromkeys(heirs[1:], home)
    groups.archived[home] = not supported and not any(people[heir].imported and people[heir].met for heir in heirs)
    groups.addresses |= {member.id: None if member.barred else home for member in here}
    groups.cards |= dict.fromkeys(component.cards, home)


def _supports(card: Card, members: Mapping[int, Member]) -> bool:
    """A card whose every address the user took away stays away."""
    taken = [members[email].barred for email in card.emails if email in members]
    return card.live and not (taken and all(taken))
