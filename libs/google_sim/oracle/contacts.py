"""Which contacts exist in the end: addresses and cards joined by what they share, whatever came first."""

from collections.abc import Iterable

from libs.google_sim.oracle.cards import Card


def known(contacts: Iterable[frozenset[str]], met: frozenset[str], cards: Iterable[Card]) -> frozenset[str]:
    """The addresses of the contacts that are somebody: met or written with before, or on a card. Not those only invited."""
    somebody = met.union(*(card.emails for card in cards))
    return frozenset(address for group in contacts if not somebody.isdisjoint(group) for address in group)


def join(addresses: Iterable[str], cards: Iterable[Card]) -> list[frozenset[str]]:
    """The canonical emails of each contact (empty for a contact without email), one entry per contact.

    Addresses made contacts by mail and meetings stand alone until a card names several; cards meet through a shared
    email, or through a shared phone with the same name.
    """
    parent: dict[object, object] = {}

    def find(node: object) -> object:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def unite(one: object, other: object) -> None:
        parent[find(one)] = find(other)

    emails: set[str] = set(addresses)
    for email in emails:
        find(("email", email))
    for number, card in enumerate(cards):
        node = ("card", number)
        find(node)
        emails |= card.emails
        for email in card.emails:
            unite(node, ("email", email))
        for phone in card.phones if card.name else ():
            unite(node, ("phone and name", phone, card.name))

    members: dict[object, set[str]] = {find(node): set() for node in list(parent)}
    for email in emails:
        members[find(("email", email))].add(email)
    return [frozenset(group) for group in members.values()]
