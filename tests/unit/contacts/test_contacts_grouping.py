"""Who is one person: addresses and cards in groups."""

from collections.abc import Iterable
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import new_id
from services.contacts.domain.identity_resolution import Card, Groups, Member, Person, group

ACCOUNT = UUID(int=1)
ONE, TWO, THREE = UUID(int=101), UUID(int=102), UUID(int=103)


def card(
    name: str,
    *emails: int,
    phones: Iterable[str] = (),
    folded: str = "",
    contact: UUID | None = None,
    live: bool = True,
) -> Card:
    return Card((ACCOUNT, name), emails, frozenset(phones), folded, contact, live)


def owners(groups: Groups) -> dict[int, UUID | None]:
    return groups.addresses


def test_a_card_joins_automatic_contacts_into_the_oldest() -> None:
    groups = group([Person(TWO), Person(ONE)], [Member(1, ONE, True), Member(2, TWO, True)], [card("a", 1, 2)], new_id)
    assert owners(groups) == {1: ONE, 2: ONE}
    assert groups.merged == {TWO: ONE}


def test_cards_close_over_chains() -> None:
    groups = group([], [Member(n, None) for n in (1, 2, 3)], [card("a", 1, 2), card("b", 2, 3)], new_id)
    assert len(set(owners(groups).values())) == 1


def test_a_shared_phone_joins_only_with_the_same_name() -> None:
    cards = [
        card("a", 1, phones="7", folded="jane"),
        card("b", 2, phones="7", folded="jane"),
        card("c", 3, phones="7", folded="bob"),
    ]
    found = owners(group([], [Member(n, None) for n in (1, 2, 3)], cards, new_id))
    assert found[1] == found[2] != found[3]


def test_pinned_contacts_are_never_merged() -> None:
    people = [Person(ONE, pinned=True), Person(TWO, pinned=True)]
    groups = group(people, [Member(1, ONE), Member(2, TWO), Member(3, None)], [card("a", 1, 2, 3)], new_id)
    assert (groups.merged, groups.addresses, groups.cards) == ({}, {3: ONE}, {(ACCOUNT, "a"): ONE})


def test_an_automatic_contact_is_not_pulled_into_a_pinned_one() -> None:
    groups = group(
        [Person(ONE, pinned=True), Person(TWO)], [Member(1, ONE), Member(2, TWO, True)], [card("a", 1, 2)], new_id
    )
    assert groups.addresses == {2: TWO}


def test_a_card_by_phone_and_name_belongs_to_the_pinned_contact() -> None:
    pinned = Person(ONE, pinned=True, phones=frozenset("7"), folded="jane")
    groups = group([pinned], [Member(2, None)], [card("a", 2, phones="7", folded="jane")], new_id)
    assert groups.addresses == {2: ONE}


def test_what_nothing_supports_vanishes_and_what_was_imported_is_archived() -> None:
    people = [Person(ONE), Person(TWO, imported=True), Person(THREE, anchored=True)]
    groups = group(people, [Member(1, ONE), Member(2, TWO)], [card("a", 2, contact=TWO, live=False)], new_id)
    assert groups.vanished == {ONE}
    assert groups.archived == {TWO: True, THREE: False}
    assert owners(groups)[1] is None


def test_a_contact_that_falls_apart_lives_on_with_its_oldest_address() -> None:
    groups = group([Person(ONE)], [Member(1, ONE, True), Member(2, ONE, True)], [], lambda: TWO)
    assert owners(groups) == {1: ONE, 2: TWO}


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
    told: list[tuple[list[int], str, str]], wanted: set[int], order: list[int]
) -> None:
    cards = [
        Card((ACCOUNT, str(number)), tuple(emails), frozenset(phone), name, None)
        for number, (emails, phone, name) in enumerate(told)
    ]
    at_once = group([], [Member(n, None, n in wanted) for n in range(1, 9)], cards, new_id)
    owner: dict[int, UUID | None] = dict.fromkeys(range(1, 9))
    homes: dict[tuple[UUID, str], UUID | None] = {}
    living: set[UUID] = set()
    for step in [None, *order]:
        if step is not None and step < len(cards):
            homes[cards[step].key] = None
        present = [
            Card(one.key, one.emails, one.phones, one.folded, homes[one.key]) for one in cards if one.key in homes
        ]
        found = group(
            [Person(id_) for id_ in sorted(living)], [Member(n, owner[n], n in wanted) for n in owner], present, new_id
        )
        owner |= found.addresses
        homes |= found.cards
        living = (living | set(found.created)) - set(found.merged) - found.vanished

    def partition(by: dict[int, UUID | None]) -> set[frozenset[int]]:
        return {frozenset(n for n in by if by[n] == home) for home in set(by.values()) - {None}}

    assert partition(owner) == partition(at_once.addresses)
    assert len(living) == len(at_once.created)
