"""Interactions as the projection of what several accounts saw."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.contacts.domain.observations import Observation, ObservedItem, Participant
from services.contacts.domain.projection import latest_observations, projected_interactions

USER, A, B = UUID(int=1), UUID(int=2), UUID(int=3)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def saw(source: UUID, ref: str, *people: str, minute: int = 0, platform: str = "email", **more: object) -> Observation:
    participants = tuple(
        Participant(role, "email", value, value) for role, value in (written.split(":") for written in people)
    )
    item = ObservedItem(AT + timedelta(minutes=minute), "message", participants, **more)  # type: ignore[arg-type]
    return Observation(USER, source, platform, ref, 1, "<x>", item)


def test_the_kth_copies_of_two_accounts_are_one_interaction() -> None:
    found = projected_interactions([saw(A, "1", minute=1), saw(A, "2", minute=2), saw(B, "9", minute=3)])
    assert [(interaction.ref, len(interaction.observations)) for interaction in found] == [("<x>#1", 2), ("<x>#2", 1)]


def test_all_copies_of_a_meeting_are_one_even_in_one_account() -> None:
    [interaction] = projected_interactions(
        [saw(A, "1", platform="calendar"), saw(A, "2", platform="calendar"), saw(B, "3", platform="calendar")]
    )
    assert len(interaction.observations) == 3


def test_what_only_one_copy_shows_is_added() -> None:
    [interaction] = projected_interactions(
        [saw(A, "1", "from:me", "to:jane", "bcc:bob"), saw(B, "2", "from:me", "to:jane", minute=1)]
    )
    assert [(person.role, person.value) for person in interaction.item.participants] == [
        ("from", "me"),
        ("to", "jane"),
        ("bcc", "bob"),
    ]


def test_mail_is_automated_only_where_every_copy_is() -> None:
    [interaction] = projected_interactions([saw(A, "1", automated="list"), saw(B, "2", automated="", minute=1)])
    assert interaction.item.automated == ""
    [interaction] = projected_interactions([saw(A, "1", automated="list"), saw(B, "2", automated="bulk", minute=1)])
    assert interaction.item.automated == "list"


def test_a_copy_that_may_be_forged_adds_nothing_to_one_that_is_not() -> None:
    fake = saw(B, "2", "from:me", "to:eve", title="Money", unauthenticated=True)
    [found] = projected_interactions([fake, saw(A, "1", "from:me", "to:jane", minute=1, title="Hello")])
    assert [participant.value for participant in found.item.participants] == ["me", "jane"]
    assert (found.item.title, found.item.unauthenticated, len(found.observations)) == ("Hello", False, 2)
    [found] = projected_interactions([fake, saw(A, "1", "from:me", "to:jane", minute=1, unauthenticated=True)])
    assert found.item.unauthenticated
    assert len(found.item.participants) == 3


def test_a_copy_that_may_be_forged_is_the_last_of_its_account() -> None:
    fake = saw(A, "1", "from:me", "to:eve", unauthenticated=True)
    found = projected_interactions(
        [fake, saw(A, "2", "from:me", "to:jane", minute=1), saw(B, "9", "from:me", "to:jane", minute=2)]
    )
    assert [(len(copy.observations), copy.item.unauthenticated) for copy in found] == [(2, False), (1, True)]


def test_what_is_gone_makes_no_interaction() -> None:
    assert projected_interactions([Observation(USER, A, "email", "1", 2, "<x>", None)]) == []


def test_two_mails_under_one_message_id_are_two_interactions() -> None:
    real, copy = (
        saw(A, "1", "from:me", "to:jane", dated="noon"),
        saw(B, "8", "from:me", "to:jane", dated="noon", minute=2),
    )
    for other in (
        saw(B, "9", "from:eve", "to:bob", dated="noon", minute=1),  # by another author
        saw(B, "9", "from:me", "to:bob", dated="dawn", minute=1),  # of another Date
    ):
        found = projected_interactions([other, copy, real])
        assert [[person.value for person in interaction.item.participants] for interaction in found] == [
            ["me", "jane"],
            [other.item.author.value, "bob"] if other.item and other.item.author else [],
        ]
        assert [interaction.observations for interaction in found] == [(real.key, copy.key), (other.key,)]


def test_what_was_recorded_without_its_date_is_the_mail_that_came_at_that_moment() -> None:
    early, late = saw(B, "8", "from:a", dated="dawn", minute=10), saw(B, "9", "from:a", dated="noon", minute=300)
    found = projected_interactions([saw(A, "1", "from:a", minute=301), early, late, saw(A, "2", "from:b", minute=9)])
    assert [[ref for _, _, ref in interaction.observations] for interaction in found] == [["2"], ["8"], ["9", "1"]]


observations = st.lists(
    st.builds(
        lambda source, ref, minute, people, fake, dated: saw(
            source, ref, *people, minute=minute, unauthenticated=fake, dated=dated
        ),
        st.sampled_from([A, B]),
        st.sampled_from("12345"),
        st.integers(0, 3),
        st.lists(st.sampled_from(["from:a", "from:z", "to:b", "cc:c"]), unique=True),
        st.booleans(),
        st.sampled_from(["dawn", "noon", ""]),
    ),
    unique_by=lambda observation: observation.key,
)


@given(observations, st.randoms(use_true_random=False))
def test_order_plays_no_part(seen: list[Observation], chance: object) -> None:
    shuffled = list(seen)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    found = projected_interactions(seen)
    assert projected_interactions(shuffled) == found
    assert sorted(key for interaction in found for key in interaction.observations) == sorted(
        observation.key for observation in seen
    ), "nothing is lost, nothing is in two"


@given(observations)
def test_a_mail_is_as_many_interactions_as_the_account_with_the_most_copies_has(seen: list[Observation]) -> None:
    dated = [observation for observation in seen if observation.item and observation.item.dated]
    copies = Counter(
        (observation.item.author, observation.item.dated, observation.source_id)
        for observation in dated
        if observation.item
    )
    most: dict[object, int] = {}
    for (author, date, _), count in copies.items():
        most[author, date] = max(count, most.get((author, date), 0))
    assert len(projected_interactions(dated)) == sum(most.values())


def test_of_several_observations_of_an_item_the_latest_revision_counts() -> None:
    old, new = saw(A, "1"), Observation(USER, A, "email", "1", 7, "<x>", None)
    assert latest_observations([new, old]) == latest_observations([old, new]) == [new]
