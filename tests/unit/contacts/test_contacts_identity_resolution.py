"""Who is one person: addresses and cards in groups."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import new_id
from services.contacts.domain.identity_resolution import Card, Member, Person, Resolution, resolved_identities

ACCOUNT = UUID(int=1)
FIRST, SECOND, THIRD = UUID(int=101), UUID(int=102), UUID(int=103)


def card(
    name: str,
    *emails: int,
    phones: Iterable[str] = (),
    folded: str = "",
    contact: UUID | None = None,
    live: bool = True,
) -> Card:
    return Card((ACCOUNT, name), emails, frozenset(phones), folded, contact, live)


def owners(resolution: Resolution) -> dict[int, UUID | None]:
    return resolution.addresses


def test_a_card_joins_automatic_contacts_into_the_oldest() -> None:
    resolution = resolved_identities(
        [Person(SECOND), Person(FIRST)], [Member(1, FIRST, True), Member(2, SECOND, True)], [card("a", 1, 2)], new_id
    )
    assert owners(resolution) == {1: FIRST, 2: FIRST}
    assert resolution.merged == {SECOND: FIRST}


def test_cards_close_over_chains() -> None:
    resolution = resolved_identities(
        [], [Member(n, None) for n in (1, 2, 3)], [card("a", 1, 2), card("b", 2, 3)], new_id
    )
    assert len(set(owners(resolution).values())) == 1


def test_a_shared_phone_joins_only_with_the_same_name() -> None:
    cards = [
        card("a", 1, phones="7", folded="jane"),
        card("b", 2, phones="7", folded="jane"),
        card("c", 3, phones="7", folded="bob"),
    ]
    found = owners(resolved_identities([], [Member(n, None) for n in (1, 2, 3)], cards, new_id))
    assert found[1] == found[2] != found[3]


def test_pinned_contacts_are_never_merged() -> None:
    people = [Person(FIRST, pinned=True), Person(SECOND, pinned=True)]
    resolution = resolved_identities(
        people, [Member(1, FIRST), Member(2, SECOND), Member(3, None)], [card("a", 1, 2, 3)], new_id
    )
    assert (resolution.merged, resolution.addresses, resolution.cards) == ({}, {3: FIRST}, {(ACCOUNT, "a"): FIRST})


def test_an_automatic_contact_is_not_pulled_into_a_pinned_one() -> None:
    resolution = resolved_identities(
        [Person(FIRST, pinned=True), Person(SECOND)],
        [Member(1, FIRST), Member(2, SECOND, True)],
        [card("a", 1, 2)],
        new_id,
    )
    assert resolution.addresses == {2: SECOND}


def test_a_card_by_phone_and_name_belongs_to_the_pinned_contact() -> None:
    pinned = Person(FIRST, pinned=True, phones=frozenset("7"), folded_name="jane")
    resolution = resolved_identities([pinned], [Member(2, None)], [card("a", 2, phones="7", folded="jane")], new_id)
    assert resolution.addresses == {2: FIRST}


def test_what_nothing_supports_vanishes_and_what_was_imported_is_archived() -> None:
    people = [Person(FIRST), Person(SECOND, imported=True), Person(THIRD, anchored=True)]
    resolution = resolved_identities(
        people, [Member(1, FIRST), Member(2, SECOND)], [card("a", 2, contact=SECOND, live=False)], new_id
    )
    assert resolution.vanished == {FIRST}
    assert resolution.archived == {SECOND: True, THIRD: False}
    assert owners(resolution)[1] is None


def test_a_contact_that_falls_apart_lives_on_with_its_oldest_address() -> None:
    resolution = resolved_identities(
        [Person(FIRST)], [Member(1, FIRST, True), Member(2, FIRST, True)], [], lambda: SECOND
    )
    assert owners(resolution) == {1: FIRST, 2: SECOND}


def test_a_contact_whose_card_names_another_address_now_goes_with_its_card() -> None:
    moved = Card((ACCOUNT, "c"), (2,), frozenset(), "jane", FIRST)
    people = [Person(FIRST, imported=True)]
    resolution = resolved_identities(people, [Member(1, FIRST, True), Member(2, None)], [moved], lambda: SECOND)
    assert owners(resolution) == {1: SECOND, 2: FIRST}
    gone = replace(moved, live=False)
    resolution = resolved_identities(people, [Member(1, FIRST, True), Member(2, None)], [gone], lambda: SECOND)
    assert owners(resolution)[1] == FIRST


members = st.integers(1, 8)
some_cards = st.lists(
    st.tuples(
        st.lists(members, max_size=3, unique=True),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["", "jane", "bob"]),
    ),
    max_size=6,
)


@given(some_cards, st.sets(members), st.permutations(range(6)))
def test_one_card_after_another_in_any_order_groups_as_all_at_once(
    drawn: list[tuple[list[int], str, str]], with_reason: set[int], order: list[int]
) -> None:
    cards = [
        Card((ACCOUNT, str(number)), tuple(emails), frozenset(phone), name, None)
        for number, (emails, phone, name) in enumerate(drawn)
    ]
    at_once = resolved_identities([], [Member(n, None, n in with_reason) for n in range(1, 9)], cards, new_id)
    owner: dict[int, UUID | None] = dict.fromkeys(range(1, 9))
    homes: dict[tuple[UUID, str], UUID | None] = {}
    living: set[UUID] = set()
    for step in [None, *order]:
        if step is not None and step < len(cards):
            homes[cards[step].key] = None
        present = [
            Card(placed.key, placed.emails, placed.phones, placed.folded_name, homes[placed.key])
            for placed in cards
            if placed.key in homes
        ]
        found = resolved_identities(
            [Person(id_) for id_ in sorted(living)],
            [Member(n, owner[n], n in with_reason) for n in owner],
            present,
            new_id,
        )
        owner |= found.addresses
        homes |= found.cards
        living = (living | set(found.created)) - set(found.merged) - found.vanished

    def partition(by: dict[int, UUID | None]) -> set[frozenset[int]]:
        return {frozenset(n for n in by if by[n] == home) for home in set(by.values()) - {None}}

    assert partition(owner) == partition(at_once.addresses)
    assert len(living) == len(at_once.created)
