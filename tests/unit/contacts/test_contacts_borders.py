"""Scores, identities, copies and folded texts at their borders."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from libs.common.ids import AccountId, ContactId, InteractionId, UserId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.bcc import bcc_address, bcc_hash, looks_like_hash
from services.contacts.domain.identity_resolution import Card, Member, Person, Resolution, resolved_identities
from services.contacts.domain.interaction_times import count_until
from services.contacts.domain.observations import Observation, ObservedItem, Participant
from services.contacts.domain.projection import (
    ProjectedInteraction,
    StoredObservation,
    latest_observations,
    live_by_group,
    live_groups,
    newer_observations,
    projected_interactions,
    threads_of,
)
from services.contacts.domain.scoring import AGES, label
from services.contacts.domain.text import MAX_KEY, cleaned, folded, key, words
from tests.support.interaction_times import Line, next_change, score, times_of

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER, A, B = UserId(UUID(int=1)), AccountId(UUID(int=2)), AccountId(UUID(int=3))
TICK = timedelta(seconds=1)
DAYS = {days: timedelta(days=days) for days in (1, 7, 30, 90, 365, 730, 1825)}


def at(age: timedelta, direction: str = "mutual", platform: str = "email", counted: bool = True) -> Line:
    return Line(NOW - age, direction, platform, counted)


@pytest.mark.parametrize(
    ("age", "from_them", "from_me"),
    [
        (DAYS[7], 3, 2), (DAYS[7] + TICK, 2, 1), (DAYS[30], 2, 1), (DAYS[30] + TICK, 1, 1), (DAYS[90], 1, 1),
        (DAYS[90] + TICK, 0, 0),
    ],
)  # fmt: skip
def test_recency_ends_with_its_last_second(age: timedelta, from_them: int, from_me: int) -> None:
    assert score([at(age, "inbound"), at(age + TICK, "inbound")], NOW).recency == from_them
    assert score([at(age, "outbound"), at(age + TICK, "outbound")], NOW).recency == from_me
    assert score([at(DAYS[1825], "inbound"), at(DAYS[1], "outbound")], NOW).recency == 0, (
        "theirs counts where there is any"
    )


@pytest.mark.parametrize(
    ("age", "hundredths"),
    [
        (DAYS[30], 100), (DAYS[30] + TICK, 30), (DAYS[90], 30), (DAYS[90] + TICK, 10), (DAYS[365], 10), (DAYS[365] + TICK, 5),
        (DAYS[730], 5), (DAYS[730] + TICK, 2), (DAYS[1825], 2), (DAYS[1825] + TICK, 0),
    ],
)  # fmt: skip
def test_frequency_weighs_by_age(age: timedelta, hundredths: int) -> None:
    for border, points in ((300, 1), (800, 2)):
        many = -(-border // hundredths) if hundredths else 2_000
        reached = score([at(age)] * many, NOW).frequency
        assert reached == (points if hundredths else 0)
        if hundredths:
            assert score([at(age)] * (many - 1), NOW).frequency == points - 1


@pytest.mark.parametrize(
    ("theirs", "mine", "points"),
    [(0, 5, 0), (5, 0, 0), (1, 8, 1), (1, 9, 0), (3, 8, 2), (5, 8, 3), (7, 8, 4), (8, 8, 4), (6, 7, 3)],
)
def test_reciprocity_is_rounded_half_up(theirs: int, mine: int, points: int) -> None:
    history = [at(DAYS[1], "inbound")] * theirs + [at(DAYS[1], "outbound")] * mine
    assert score(history, NOW).reciprocity == points
    swapped = [at(DAYS[1], "outbound")] * theirs + [at(DAYS[1], "inbound")] * mine
    assert score(swapped, NOW).reciprocity == points


def test_what_is_old_counts_little_on_its_side() -> None:
    for age, hundredths in ((DAYS[365], 100), (DAYS[365] + TICK, 5), (DAYS[730] + TICK, 2)):
        history = [at(age, "inbound")] * 2 + [at(DAYS[1], "outbound")] * 1
        less, more = sorted((2 * hundredths, 100))
        assert score(history, NOW).reciprocity == (8 * less + more) // (2 * more)


@pytest.mark.parametrize(
    ("number", "first", "points"),
    [
        (50, DAYS[730], 2), (50, DAYS[730] - TICK, 1), (49, DAYS[730], 1), (20, DAYS[365], 1), (20, DAYS[365] - TICK, 0),
        (19, DAYS[365], 0),
    ],
)  # fmt: skip
def test_tenure_takes_time_and_mail(number: int, first: timedelta, points: int) -> None:
    assert score([at(first), *[at(DAYS[1])] * (number - 1)], NOW).tenure == points


def test_a_score_is_whole() -> None:
    platforms = ("email", "calendar")
    best = score([at(DAYS[730], platform=platform) for platform in platforms] + [at(DAYS[1])] * 60, NOW)
    assert best.model_dump() == {
        "total": 10, "label": "Strong", "reciprocity": 4, "recency": 3, "frequency": 2, "breadth": 1, "tenure": 2,
    }  # fmt: skip
    nothing = score([], NOW)
    assert nothing.model_dump() == {
        "total": 0, "label": "Cold", "reciprocity": 0, "recency": 0, "frequency": 0, "breadth": 0, "tenure": 0,
    }  # fmt: skip
    assert [label(total) for total in (3, 4, 6, 7)] == ["Cold", "Warm", "Warm", "Strong"]
    assert score([at(DAYS[1]), at(DAYS[1])], NOW).breadth == 0


def test_only_past_contact_between_two_counts() -> None:
    counting = [at(timedelta(0)), at(DAYS[1], "inbound")]
    others = [at(-TICK), at(DAYS[1], "participant"), at(DAYS[1], counted=False)]
    times = times_of([*counting, *others])
    assert [count_until(moments, NOW) for moments in times.every] == [1, 0, 1]
    assert times.lines == 5
    assert score(others, NOW).total == 0


def test_the_next_change_is_the_second_after_an_age_or_what_is_to_come() -> None:
    for age in AGES:
        assert next_change([at(age)], NOW) == NOW + TICK
    assert next_change([at(AGES[-1] + TICK)], NOW) is None
    assert next_change([at(timedelta(0))], NOW) == NOW + AGES[0] + TICK
    assert next_change([at(-TICK), at(DAYS[1])], NOW) == NOW + TICK
    assert next_change([at(DAYS[1], "participant"), at(DAYS[1], counted=False)], NOW) is None


def contact(number: int) -> ContactId:
    return ContactId(UUID(int=100 + number))


def card(number: int, *emails: int, phone: str = "", name: str = "", **more: Any) -> Card:
    phones = frozenset({phone} if phone else ())
    fields: dict[str, Any] = {"contact": None, "live": True, **more}
    return Card((A, f"c{number}"), tuple(map(AddressId, emails)), phones, name, fields["contact"], fields["live"])


def member(number: int, owner: ContactId | None = None, **more: bool) -> Member:
    return Member(AddressId(number), owner, **more)


def resolve(people: list[Person], members: list[Member], cards: list[Card]) -> Resolution:
    numbers = count(1)
    return resolved_identities(people, members, cards, lambda: ContactId(UUID(int=next(numbers))))


NEW = ContactId(UUID(int=1))


def test_a_new_address_with_a_reason_becomes_a_contact_and_one_without_none() -> None:
    found = resolve([], [member(1, has_reason=True), member(2)], [])
    assert found == Resolution({AddressId(1): NEW, AddressId(2): None}, {}, [NEW], {}, {NEW: False}, set())


def test_a_card_joins_its_addresses_into_the_oldest_contact() -> None:
    older, younger = contact(1), contact(2)
    people = [Person(younger), Person(older)]
    found = resolve(people, [member(1, younger, has_reason=True), member(2, older)], [card(1, 1, 2)])
    assert found.addresses == {AddressId(1): older, AddressId(2): older}
    assert found.cards == {(A, "c1"): older}
    assert (found.merged, found.created, found.vanished, found.archived) == (
        {younger: older},
        [],
        set(),
        {older: False},
    )


def test_an_address_that_was_taken_away_belongs_to_nobody() -> None:
    found = resolve([], [member(1, barred=True, has_reason=True)], [card(1, 1)])
    assert found.addresses == {AddressId(1): None}
    assert found.cards == {(A, "c1"): None}
    assert found.created == []
    beside = resolve([], [member(1, barred=True), member(2)], [card(1, 1, 2)])
    assert beside.addresses == {AddressId(1): None, AddressId(2): NEW}
    assert beside.cards == {(A, "c1"): NEW}


def test_cards_of_one_phone_and_name_are_one_person_and_of_the_phone_alone_two() -> None:
    same = resolve([], [], [card(1, phone="+1", name="ann"), card(2, phone="+1", name="ann")])
    assert len(same.created) == 1
    for other in ("bob", ""):
        assert len(resolve([], [], [card(1, phone="+1", name=other), card(2, phone="+1", name="ann")]).created) == 2


def test_a_card_with_an_address_of_a_pinned_contact_belongs_to_it_with_its_free_addresses() -> None:
    pinned = Person(contact(1), pinned=True)
    members = [member(1, pinned.id), member(2), member(3, barred=True), member(4, contact(9)), member(5)]
    found = resolve([pinned, Person(contact(9))], members, [card(1, 1, 2, 3, 4), card(2, contact=pinned.id)])
    assert found.cards == {(A, "c1"): pinned.id, (A, "c2"): pinned.id}
    assert found.addresses[AddressId(2)] == pinned.id
    assert found.addresses[AddressId(3)] is None
    assert found.addresses[AddressId(5)] is None
    assert AddressId(1) not in found.addresses
    assert found.vanished == {contact(9)}


def test_a_pinned_contact_s_phone_and_name_draw_cards_one_after_the_other() -> None:
    pinned = Person(contact(1), pinned=True, phones=frozenset({"+1"}), folded_name="ann")
    cards = [
        Card((A, "c1"), (), frozenset({"+1", "+2"}), "ann", None),
        Card((A, "c2"), (), frozenset({"+2", "+3"}), "ann", None),
        Card((A, "c3"), (), frozenset({"+3"}), "ann", None),
        Card((A, "c4"), (), frozenset({"+4"}), "ann", None),
    ]
    found = resolve([pinned], [], cards)
    assert found.cards == {**{(A, f"c{number}"): pinned.id for number in (1, 2, 3)}, (A, "c4"): NEW}
    nameless = Person(contact(1), pinned=True, phones=frozenset({"+1"}))
    assert resolve([nameless], [], [card(1, phone="+1")]).cards == {(A, "c1"): NEW}
    younger = Person(contact(2), pinned=True, phones=frozenset({"+1"}), folded_name="ann")
    assert resolve([younger, pinned], [], [card(1, phone="+1", name="ann")]).cards == {(A, "c1"): pinned.id}


@pytest.mark.parametrize(
    ("person", "kept", "archived"),
    [
        ({}, False, None), ({"anchored": True}, True, False), ({"imported": True}, True, True),
        ({"imported": True, "met": True}, True, False), ({"met": True}, False, None),
    ],
)  # fmt: skip
def test_a_contact_that_nothing_supports_is_archived_or_vanishes(
    person: dict[str, bool], kept: bool, archived: bool | None
) -> None:
    owner = Person(contact(1), **person)
    for cards in ([], [card(1, 1, live=False)]):
        found = resolve([owner], [member(1, owner.id)], cards)
        assert found.vanished == (set() if kept else {owner.id})
        assert found.archived == ({owner.id: archived} if kept else {})
        assert found.addresses == {AddressId(1): owner.id if kept else None}
        assert found.cards == {found_card.key: owner.id if kept else None for found_card in cards}


def test_a_contact_that_falls_apart_lives_on_where_its_card_is_else_where_its_oldest_address_is() -> None:
    owner = Person(contact(1))
    found = resolve([owner], [member(2, owner.id, has_reason=True), member(1, owner.id, has_reason=True)], [])
    assert found.addresses == {AddressId(1): owner.id, AddressId(2): NEW}
    by_card = resolve(
        [owner], [member(9, owner.id, has_reason=True)], [card(1, contact=owner.id, phone="+1", name="a")]
    )
    assert by_card.addresses == {AddressId(9): NEW}
    assert by_card.cards == {(A, "c1"): owner.id}
    cards = [card(2, contact=owner.id, name="b"), card(1, contact=owner.id, name="a")]
    assert resolve([owner], [], cards).cards == {(A, "c1"): owner.id, (A, "c2"): NEW}
    assert resolve([Person(contact(5), anchored=True)], [], []).archived == {contact(5): False}


def saw(
    source: AccountId, ref: str, minute: int = 0, platform: str = "email", revision: int = 1, **more: Any
) -> Observation:
    fields: dict[str, Any] = {"participants": (), **more}
    item = ObservedItem(NOW + timedelta(minutes=minute), "message", **fields)
    return Observation(USER, source, platform, ref, revision, "<g>", item)


def person(value: str, role: str = "from", name: str = "") -> Participant:
    return Participant(role, "email", value, value, name)


def test_what_several_saw_is_put_together_field_by_field() -> None:
    first = saw(
        B, "1", 0, participants=(person("ann"),), automated="bulk", via=True, bcc_tags=("b", "a"), title="T", left_out=3
    )
    second = saw(
        A,
        "2",
        1,
        participants=(person("ann", name="Ann"), person("bob", "to")),
        via=False,
        organized=True,
        bcc_tags=("c", "a"),
    )
    [found] = projected_interactions([second, first])
    assert found == ProjectedInteraction(
        USER, "email", "<g>", "<g>#1",
        ObservedItem(
            NOW, "message", (person("ann", name="Ann"), person("bob", "to")), title="T", automated="", via=False, organized=True,
            bcc_tags=("a", "b", "c"), left_out=3,
        ),
        2, (first.key, second.key),
    )  # fmt: skip
    assert found.full_ref == (USER, "email", "<g>#1")
    third = saw(A, "3", 1, participants=(person("ann", name="Other"),))
    [kept] = projected_interactions([saw(B, "1", 0, participants=(person("ann", name="Ann"),)), third])
    assert kept.item.participants == (person("ann", name="Ann"),), "the first name that somebody gave"
    [both] = projected_interactions([saw(A, "1", via=True), saw(B, "2", via=True)])
    assert both.item.via
    [alone] = projected_interactions([saw(A, "1", participants=(person("ann"),))])
    assert (alone.ref, alone.participant_count, alone.observations) == ("<g>#1", 1, ((A, "email", "1"),))
    [calendar] = projected_interactions([saw(A, "1", platform="calendar")])
    assert calendar.ref == "<g>"
    [twice] = projected_interactions([saw(A, "1", platform="calendar"), saw(A, "2", platform="calendar")])
    assert (twice.ref, twice.platform) == ("<g>", "calendar")
    gone = Observation(USER, A, "email", "1", 2, "<g>", None)
    assert projected_interactions([gone]) == projected_interactions([]) == []
    assert len(projected_interactions([gone, saw(B, "2")])) == 1


def test_at_one_moment_the_source_and_the_reference_give_the_order() -> None:
    copies = [saw(B, "1"), saw(A, "2"), saw(A, "1")]
    assert [found.observations for found in projected_interactions(copies)] == [
        ((A, "email", "1"), (B, "email", "1")), ((A, "email", "2"),),
    ]  # fmt: skip
    forged = saw(A, "0", -5, unauthenticated=True)
    assert projected_interactions([forged, saw(A, "1")])[0].observations == ((A, "email", "1"),)


def test_an_undated_copy_goes_with_the_nearest_of_its_author() -> None:
    ann = (person("ann"),)
    early, late = saw(A, "1", 0, participants=ann, dated="d1"), saw(A, "2", 100, participants=ann, dated="d2")
    for minute, nearest in ((49, early), (51, late), (50, early)):
        undated = saw(B, "9", minute, participants=ann)
        joined = next(
            found for found in projected_interactions([late, early, undated]) if nearest.key in found.observations
        )
        assert undated.key in joined.observations
    assert len(projected_interactions([saw(A, "1", participants=ann), saw(B, "2", participants=(person("bob"),))])) == 2


def test_mails_of_one_author_under_one_message_id_are_told_apart_by_their_dates() -> None:
    ann = (person("ann"),)
    first = saw(A, "1", participants=ann, dated="d1")
    assert len(projected_interactions([first, saw(B, "2", participants=ann, dated="d1")])) == 1
    assert len(projected_interactions([first, saw(B, "2", participants=ann, dated="d2")])) == 2


def test_newer_observations_replace_older_ones() -> None:
    old, new, other = saw(A, "1", revision=1), saw(A, "1", revision=2), saw(B, "1")
    assert latest_observations([old, new, other]) == latest_observations([new, other, old]) == [new, other]
    same = saw(A, "1", minute=5, revision=2)
    assert latest_observations([new, same]) == [new], "of one revision the first"
    stored = {old.key: StoredObservation(old, InteractionId(5))}
    assert newer_observations([old, new, other], stored) == [new, other]


def test_only_what_is_alive_has_groups_and_threads() -> None:
    live, threaded = saw(A, "1"), saw(B, "2", thread="t")
    gone = Observation(USER, A, "email", "3", 1, "<h>", None)
    group = (USER, "email", "<g>")
    assert live_groups([live, gone]) == {group}
    assert live_by_group([live, gone, threaded], {group, (USER, "email", "<h>")}) == [[live, threaded]]
    assert live_by_group([live], set()) == []
    assert threads_of([live, gone, threaded]) == {(B, "t")}


def test_texts_at_their_borders() -> None:
    assert cleaned("  a" * 5, 6) == "a  a"
    assert cleaned("\ta\x07b\n", 10) == "ab"
    assert cleaned("x\x00" * 3, 2) == "xx"
    assert cleaned("é\ud800", 5) == "é?"
    assert key("x" * MAX_KEY) == "x" * 500
    assert key("x" * 501) == "sha256:" + sha256(b"x" * 501).hexdigest()
    assert words("A_b", "c.d") == "a b c d"
    assert folded("ＡＢ") == "ab"
    assert folded("\U00017000") == "\U00017000", "a letter that has no name"
    assert bcc_hash(bytes(range(7))) == "aaaqeayeau"
    assert [looks_like_hash(tag) for tag in ("a" * 9, "a" * 10, "a" * 32, "a" * 33)] == [False, True, True, False]
    assert bcc_address("a@b@x", "h") == "a@b+h@x"
