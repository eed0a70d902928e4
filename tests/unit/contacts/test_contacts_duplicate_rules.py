"""Who is compared with whom, what speaks for it, and what an undone merge gives back: pure rules."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import AccountId
from services.contacts.domain.addresses import AddressId
from services.contacts.domain.arrivals import HeldCard, HeldEmail, Returning, returning
from services.contacts.domain.contact_fields import EditableFields
from services.contacts.domain.duplicate_keys import _OFFICES, MAX_KEYS, Names, blocking_keys, handles_of
from services.contacts.domain.duplicates import FREE_MAIL, WORTH_SUGGESTING, Traits, likeness
from services.contacts.domain.merges import SinceMerge, Taken, consequences, merged_fields, restored_fields
from services.contacts.domain.public_mail_domains import _DOMAINS, _PROVIDERS, _SECOND_LEVEL, is_public
from services.contacts.domain.text import MAX_KEY, folded
from tests.support.strategies import hostile_forms

EMPTY = Traits("", [], [])

# Two people as they are written, what speaks for their being one, and how much.
PAIRS = [
    ("Bob Miller", "Robert Miller", {}, "forms of one name (bob, robert)", 0.75),
    ("Miller, Bob", "Robert Miller", {}, "forms of one name (bob, robert)", 0.75),
    ("Sasha Orlova", "Alexandra Orlova", {}, "forms of one name (alexandra, sasha)", 0.75),
    (
        "Liz Taylor",
        "Elizabeth Taylor",
        {"domains": ["acme.example"]},
        "forms of one name (elizabeth, liz) at acme.example",
        0.9,
    ),
    ("J. Bergström", "Jonas Bergstrom", {}, "same name with initials", 0.6),
    ("Bergström, J.", "Jonas Bergström", {}, "same name with initials", 0.6),
    ("John R. Ewing", "J Ewing", {}, "same name with initials", 0.6),
    ("Jane D", "Jane Doe", {"company": "acme"}, "same name with initials at acme", 0.8),
    ("Łukasz Żółw", "Zolw Lukasz", {}, "same name", 0.85),
    ("Jane Doe", "Jané Doe", {"company": "acme"}, "same name at acme", 0.95),
    ("Dr. Jane Doe", "Jane Doe", {}, "same name", 0.85),
    ("Katherine Miller", "Catherine Miller", {}, "similar name (94 %)", 0.75),
    ("Anna", "Anna", {}, "same name", 0.6),
    ("山田太郎", "山田太郎", {}, "same name", 0.85),
    ("Jane", "Otto", {"handles": ["janedoe"]}, "same handle janedoe", 0.7),
    ("Jane Doe", "Jane Doe", {"handles": ["janedoe"]}, "same name; same handle janedoe", 0.9),
    ("Jane Doe", "Otto Doe", {"domains": ["acme.example"], "company": "acme"}, "", 0.0),
    ("Bob Miller", "Rose Miller", {}, "", 0.0),
    ("J. Miller", "K. Miller", {}, "", 0.0),
    ("J. M.", "Jane Miller", {}, "", 0.0),
    ("Acme", "Acme", {"company": "acme"}, "same name", 0.6),
]


def traits(name: str, shared: dict[str, list[str] | str]) -> Traits:
    return Traits(**{"name": folded(name), "domains": [], "phones": [], **shared})  # type: ignore[arg-type]


@pytest.mark.parametrize(("first", "second", "shared", "evidence", "confidence"), PAIRS)
def test_what_speaks_for_two_being_one(
    first: str, second: str, shared: dict[str, list[str] | str], evidence: str, confidence: float
) -> None:
    found = likeness(traits(first, shared), traits(second, shared))
    assert found == likeness(traits(second, shared), traits(first, shared)), "whoever comes first"
    assert found == ((confidence, tuple(evidence.split("; "))) if confidence else (0.0, ()))


@pytest.mark.parametrize(("first", "second", "shared", "evidence", "confidence"), PAIRS)
def test_whoever_is_alike_shares_a_key(
    first: str, second: str, shared: dict[str, list[str] | str], evidence: str, confidence: float
) -> None:
    keys = set(blocking_keys(traits(first, shared))) & set(blocking_keys(traits(second, shared)))
    assert keys or confidence < WORTH_SUGGESTING, evidence


def test_a_name_is_looked_for_at_its_places_too() -> None:
    found = blocking_keys(Traits("jane doe", ["acme.example"], [], "acme"))
    assert {"name doe jane at acme.example", "name doe jane at acme", "name doe jane"} <= set(found)


def test_words_are_written_as_they_are_looked_up() -> None:
    """Addresses come in lower case: a word in capitals would never be met."""
    for words in (_OFFICES, FREE_MAIL, _PROVIDERS, _DOMAINS, _SECOND_LEVEL):
        assert words
        assert {word for word in words if word != word.casefold().strip()} == set()


@pytest.mark.parametrize("office", ["helpdesk", "information", "invoices", "mailbox"])
def test_the_mailbox_of_an_office_is_nobodys(office: str) -> None:
    assert handles_of(Names([f"{office}@acme.example"], [], [])) == ()


@pytest.mark.parametrize("below", ["ac.uk", "co.uk", "com.br", "edu.au", "net.nz", "nom.co", "or.jp", "org.pl"])
def test_what_is_below_a_country_is_nobodys_alone(below: str) -> None:
    assert is_public(below)
    assert not is_public(f"acme.{below}")
    assert is_public(f"yahoo.{below}")


def test_names_of_offices_and_free_mail_name_nobody() -> None:
    names = Names(["info@acme.example", "j.doe@acme.example", "jane.doe+x@gmail.com", "123456789@qq.com"], [], [])
    assert handles_of(names) == ("jane.doe",)
    assert handles_of(
        Names([], ["janedoe", "x"], ["https://www.linkedin.com/in/JaneDoe/?x=1", "https://acme.example/team"])
    ) == ("janedoe",)
    free = blocking_keys(Traits("jane doe", ["gmail.com"], []))
    assert free == blocking_keys(Traits("jane doe", [], []))


def test_who_is_called_by_an_address_or_a_number_has_no_name() -> None:
    assert blocking_keys(Traits("jane@acme.example", [], [])) == blocking_keys(Traits("+49 30 1", [], [])) == ()


@given(st.text(max_size=300) | hostile_forms(), st.lists(st.text(max_size=20) | hostile_forms(40), max_size=60))
def test_whatever_is_written_has_few_short_keys(name: str, others: list[str]) -> None:
    found = blocking_keys(Traits(folded(name), others, others, folded(name), handles_of(Names(others, others, others))))
    assert len(found) <= MAX_KEYS
    assert all(len(key) <= MAX_KEY and "\0" not in key for key in found)
    both = Traits(folded(name), others, others)
    assert likeness(both, both)[0] <= 1


S_MAIL, O_MAIL, NEW = AddressId(1), AddressId(2), AddressId(3)
OLD_CARD, NEW_CARD = (AccountId(UUID(int=1)), "old"), (AccountId(UUID(int=1)), "new")
EMAILS = [HeldEmail(S_MAIL, "s@x"), HeldEmail(O_MAIL, "o@x"), HeldEmail(NEW, "new@x")]


@pytest.mark.parametrize(
    ("cards", "addresses_back", "cards_back"),
    [
        ([], {O_MAIL}, set()),
        ([HeldCard(OLD_CARD, ["o@x", "new@x"])], {O_MAIL, NEW}, {OLD_CARD}),
        ([HeldCard(NEW_CARD, ["o@x", "new@x"])], {O_MAIL, NEW}, {NEW_CARD}),
        ([HeldCard(NEW_CARD, ["new@x", "o@x", "s@x"])], {O_MAIL, NEW}, {NEW_CARD}),
        ([HeldCard(NEW_CARD, ["new@x", "s@x", "o@x"])], {O_MAIL}, set()),
        ([HeldCard(NEW_CARD, ["new@x"])], {O_MAIL}, set()),
        ([HeldCard(OLD_CARD, ["new@x"]), HeldCard(NEW_CARD, ["s@x", "new@x"])], {O_MAIL}, {OLD_CARD}),
    ],
)  # fmt: skip
def test_what_came_since_goes_back_with_what_it_names_first(
    cards: list[HeldCard], addresses_back: set[AddressId], cards_back: set[tuple[AccountId, str]]
) -> None:
    theirs = Returning(frozenset({O_MAIL}), frozenset({OLD_CARD}))
    arrived = Returning(frozenset({NEW}), frozenset({NEW_CARD}))
    found = returning(cards, EMAILS, theirs, arrived)
    assert (found.address_ids, found.cards) == (addresses_back, cards_back)


SURVIVOR = EditableFields(notes="jane's", tags=("a", "b"), typed_phones=("030 1",), edited=("notes", "tags"))
OTHER = EditableFields(
    notes="bob's", tags=("b", "c"), title="Boss", typed_phones=("030 2",), edited=("notes", "tags", "title")
)
STOOD = merged_fields(SURVIVOR, OTHER)


@pytest.mark.parametrize(
    ("notes", "left"),
    [
        ("jane's\n\nbob's", "jane's"),
        ("jane's\n\nbob's\n\nmet in Rome", "jane's\n\nmet in Rome"),
        ("jane's\n\nbob's, and more", "jane's, and more"),
        ("first of all\n\njane's\n\nbob's", "first of all\n\njane's"),
        ("bob's", ""),
        ("jane's and bob's", "jane's and bob's"),
        ("bob's\n\nbob's", "bob's\n\nbob's"),
        ("all new", "all new"),
        ("", ""),
    ],
)  # fmt: skip
def test_of_notes_that_were_edited_since_the_other_s_part_goes_where_it_is_whole(notes: str, left: str) -> None:
    now = EditableFields(**{**vars(STOOD), "notes": notes})
    assert restored_fields(now, STOOD, SURVIVOR, Taken(OTHER)).notes == left


def test_lists_that_were_edited_since_keep_what_is_new_and_what_was_the_survivor_s() -> None:
    now = EditableFields(
        **{**vars(STOOD), "tags": ("c", "new", "a"), "typed_phones": ("030 1", "030/2", "030 3", "030 4")}
    )
    restored = restored_fields(now, STOOD, SURVIVOR, Taken(OTHER, phones=("030 2", "030 3")))
    assert (restored.tags, restored.typed_phones) == (("new", "a"), ("030 1", "030 4"))


def test_archived_is_who_was_archived_twice() -> None:
    for first, second in ((True, True), (True, False), (False, True), (False, False)):
        before = EditableFields(archived=first)
        after = merged_fields(before, EditableFields(archived=second))
        assert after.archived is (first and second)
        assert restored_fields(after, after, before, Taken(EditableFields(archived=second))).archived is first


def test_the_consequences_of_an_undoing_are_sentences() -> None:
    now = EditableFields(**{**vars(STOOD), "notes": "mixed", "title": "Chief"})
    since = SinceMerge(
        "Priya", "Bob", ["b1@x", "b2@x", "b3@x", "b4@x"], ["new@x"], ["gone@x"], notes=3, logged=1, rotated=True,
        handles=["@bob", "bob-1a2b"],
    )  # fmt: skip
    assert consequences(since, now, STOOD, Taken(OTHER)) == (
        "b1@x, b2@x, b3@x and 1 more and all mail with it, also what came since, goes back to Bob.",
        "@bob, bob-1a2b and everything that came under it goes back to Bob.",
        "new@x, added since, stays with Priya.",
        "gone@x was taken off since and does not come back.",
        "3 notes written since stay with Priya.",
        "1 message logged by BCC since stays with Priya.",
        "What you changed since stays with Priya: title, notes.",
        "The notes were rewritten since: Priya keeps all of them, and Bob those from before.",
        "Bob gets a new BCC address: the old one was rotated away.",
    )
    assert consequences(SinceMerge("Priya", "Bob"), STOOD, STOOD, Taken(OTHER)) == ()
