"""What somebody is called: which part of what was written is the name, and which of several names it is."""

import itertools
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contacts.domain.names import NameRank, SeenName, chosen_name, is_role, plain_name

CALENDAR, BY_USER, OWN, PLATFORM = NameRank
START = datetime(2024, 1, 1, tzinfo=UTC)


def seen(name: str, rank: int = OWN, day: int = 0) -> SeenName:
    return SeenName(name, rank, START + timedelta(days=day))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Priya Raman", "Priya Raman"),
        ("  Priya\t Raman ", "Priya Raman"),
        ("'Priya Raman'", "Priya Raman"),
        ("“Priya Raman”", "Priya Raman"),
        ("Raman, Priya", "Priya Raman"),
        ("de la Cruz, María José", "María José de la Cruz"),
        ("Raman, P.", "P. Raman"),
        ("Acme, Inc.", "Acme, Inc."),
        ("Ann Lee, PhD", "Ann Lee, PhD"),
        ("Ann Lee, Ph.D.", "Ann Lee, Ph.D."),
        ("Lee, Ann, MD", "Lee, Ann, MD"),
        ("Room 4, Berlin", "Room 4, Berlin"),
        ("Priya Raman (Northwind)", "Priya Raman"),
        ("[EXTERNAL] Priya Raman", "Priya Raman"),
        ("Raman, Priya [Northwind Health]", "Priya Raman"),
        ("(Priya)", "(Priya)"),
        ("Priya Raman | Northwind", "Priya Raman"),
        ("Priya Raman – VP Product", "Priya Raman"),
        ("Ann Lee @ Acme", "Ann Lee"),
        ("Ann @ Acme", "Ann @ Acme"),
        ("Acme - Support", "Acme - Support"),
        ("Jean-Luc Picard", "Jean-Luc Picard"),
        ("Priya via Team List", ""),
        ("'Priya Raman' via Google Groups", ""),
        ("Via Milano", "Via Milano"),
        ("PRIYA RAMAN", "PRIYA RAMAN"),
        ("Priya 🌸", "Priya 🌸"),
        ("佐藤 美咲", "佐藤 美咲"),
        ("", ""),
    ],
)
def test_a_name_is_what_is_left_when_what_is_said_about_it_is_gone(written: str, name: str) -> None:
    assert plain_name(written) == name
    assert plain_name(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Support Team", True),
        ("The Sales Team", True),
        ("Northwind Support", True),
        ("Info", True),
        ("Kundservice", True),
        ("Priya Raman", False),
        ("Steve Jobs", False),
        ("Support Priya", False),
        ("山田", False),
        ("—", False),
    ],
)
def test_a_function_is_no_person(name: str, expected: bool) -> None:
    assert is_role(name) is expected


# Names that were seen, and what somebody is called then.
CHOICES: list[tuple[str, list[SeenName], str]] = [
    ("the fuller one, though it is older", [seen("Priya", day=9), seen("Priya Raman")], "Priya Raman"),
    ("an initial is within the name", [seen("P. Raman", day=9), seen("Priya Raman")], "Priya Raman"),
    ("the newest of different ones", [seen("Jane Maiden"), seen("Jane Married", day=1)], "Jane Married"),
    ("a short one decides nothing", [seen("Jane Maiden"), seen("Jane Married", day=1), seen("Jane", day=9)], "Jane Married"),
    ("the better source, though less full", [seen("Priya", OWN), seen("Priya Raman", BY_USER, 9)], "Priya"),
    ("an address book before mail", [seen("Priya at work", PLATFORM), seen("Priya Raman", OWN, 9)], "Priya at work"),
    ("mail before an invitation", [seen("Priya", BY_USER), seen("Priya Raman", CALENDAR, 9)], "Priya"),
    ("a person before a function", [seen("Support Team", OWN, 9), seen("Priya Raman", CALENDAR)], "Priya Raman"),
    ("a function where there is nothing else", [seen("Support Team"), seen("Support")], "Support Team"),
    ("not in capitals", [seen("PRIYA RAMAN", day=9), seen("Priya Raman")], "Priya Raman"),
    ("not in small letters", [seen("priya raman", day=9), seen("Priya Raman")], "Priya Raman"),
    ("in capitals where it is known so alone", [seen("PRIYA RAMAN"), seen("Priya", day=9)], "PRIYA RAMAN"),
    ("without pictures", [seen("Priya 🌸 Raman", day=9), seen("Priya Raman")], "Priya Raman"),
    ("accents make no other name, the newest writing counts", [seen("Zoe Müller", day=9), seen("Zoë Muller")], "Zoe Müller"),
    ("the same word twice is fuller", [seen("Boutros Ghali", day=9), seen("Boutros Boutros Ghali")], "Boutros Boutros Ghali"),
    ("of one moment the last in the alphabet", [seen("Ann"), seen("Zoe")], "Zoe"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "names", "expected"), CHOICES)
def test_somebody_is_called_by_the_best_name_in_whatever_order_they_came(
    what: str, names: list[SeenName], expected: str
) -> None:
    for order in itertools.permutations(names):
        chosen = chosen_name(order)
        assert chosen is not None
        assert chosen.name == expected, what
    assert chosen_name([]) is None


_words = st.lists(
    st.sampled_from(["Priya", "P", "Raman", "R", "Sharma", "PRIYA", "priya", "Team", "🌸", "佐"]),
    min_size=1,
    max_size=4,
)
_seen = st.builds(
    SeenName,
    _words.map(" ".join),
    st.sampled_from(list(NameRank)),
    st.integers(0, 3).map(lambda day: START + timedelta(days=day)),
)


@given(st.lists(_seen, min_size=1, max_size=8), st.randoms())
def test_any_order_of_any_names_gives_the_same_choice(names: list[SeenName], chance: Random) -> None:
    shuffled = list(names)
    chance.shuffle(shuffled)
    assert chosen_name(shuffled) == chosen_name(names) == chosen_name([*names, *shuffled])


@given(st.lists(_seen, min_size=1, max_size=8))
def test_a_later_name_of_a_worse_source_changes_nothing(names: list[SeenName]) -> None:
    chosen = chosen_name(names)
    assert chosen is not None
    worse = SeenName("Priya Raman Sharma", NameRank.CALENDAR, START + timedelta(days=99))
    if chosen.rank > NameRank.CALENDAR and not is_role(chosen.name):
        assert chosen_name([*names, worse]) == chosen


@given(st.text(max_size=80))
def test_any_text_has_a_plain_name_that_is_its_own(text: str) -> None:
    plain = plain_name(text)
    assert len(plain) <= len(text) + 1
    assert plain == plain.strip()
