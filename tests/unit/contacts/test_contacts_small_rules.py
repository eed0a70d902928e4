"""Small rules: folding, BCC addresses, names, merging columns, likeness."""

import unicodedata
from datetime import UTC, datetime
from secrets import token_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Refused
from services.contacts.domain import observations
from services.contacts.domain.bcc import ENTROPY_BYTES, bcc_address, bcc_hash, looks_like_hash
from services.contacts.domain.contact_edits import _typed_email
from services.contacts.domain.contact_fields import (
    CardFields,
    EditableFields,
    NamedAddress,
    derived_fields,
    dropped_phone_entries,
)
from services.contacts.domain.duplicates import Traits, likeness
from services.contacts.domain.identities import undecorated
from services.contacts.domain.observations import display_name, email_participant
from services.contacts.domain.text import MAX_FOLDED, cleaned, folded, key, words
from tests.support.strategies import hostile_forms

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_folding_drops_marks_case_and_space() -> None:
    assert folded("  Zoë   STRAẞE ") == "zoe strasse"
    assert words("Jane-Marie", "j.doe@acme.example") == "jane marie j doe acme example"


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Łukasz Żółw", "lukasz zolw"), ("Søren Kierkegård", "soren kierkegard"), ("Đorđe Ħal", "dorde hal"), ("Işıl", "isil"),
        ("Œuvre Æsir", "oeuvre aesir"), ("Þórður Guðmundsson", "thordur gudmundsson"), ("Straße", "strasse"), ("STRAẞE", "strasse"),
        ("İstanbul", "istanbul"), ("Ｆｕｌｌ", "full"), ("Jo\u200bão", "joao"), ("ශ්\u200dරී", "ශර"), ("می\u200cخواهم", "میخواهم"),
    ],
)  # fmt: skip
def test_a_name_is_found_by_the_letters_of_any_keyboard(written: str, typed: str) -> None:
    assert folded(written) == folded(typed) == typed


@pytest.mark.parametrize("name", ["山田太郎", "Юрий", "Ελένη", "أحمد", "יעל", "김철수", "がくぶち"])
def test_names_in_other_scripts_keep_their_letters(name: str) -> None:
    letters = [folded(letter) for letter in name]
    assert folded(name) == "".join(letters)
    assert not folded(name).isascii()


@given(st.text(max_size=60) | hostile_forms())
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    once = folded(text)
    assert folded(once) == once
    assert once == " ".join(once.split())


def test_of_an_endless_text_the_beginning_is_folded() -> None:
    assert len(folded("e\u0301" * 1_000_000)) == MAX_FOLDED / 2
    assert len(words("ﷺ " * 100_000)) == MAX_FOLDED


@given(st.text(alphabet=st.sampled_from("eé\u0301\u0323\u0345ﷺ가ㄱﾞ㌀ ß"), max_size=60))
def test_folding_is_what_normalising_and_dropping_marks_gives(text: str) -> None:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M"))
    assert folded(text) == " ".join(plain.casefold().split())


def test_texts_lose_what_databases_and_screens_choke_on() -> None:
    assert cleaned("a\x00b\x1b[0m\ud800c", 10) == "ab[0m?c"
    assert len(key("x" * 10_000)) < 100
    assert key("x" * 10_000) != key("x" * 10_001)


def test_a_bcc_address_carries_the_hash_as_tag() -> None:
    assert bcc_address("me@gmail.com", "abcdefgh23") == "me+abcdefgh23@gmail.com"
    assert bcc_address("me+old@x.example", "abcdefgh23") == "me+abcdefgh23@x.example"


def test_hashes_have_fifty_bits_and_do_not_repeat() -> None:
    hashes = {bcc_hash(token_bytes(ENTROPY_BYTES)) for _ in range(1_000)}
    assert len(hashes) == 1_000
    assert all(looks_like_hash(hash_) and len(hash_) >= 10 for hash_ in hashes)


def test_a_hash_is_what_its_entropy_makes_it() -> None:
    assert bcc_hash(bytes(7)) == "aaaaaaaaaa"
    assert bcc_hash(b"\xff" * 7) == "7777777777"
    assert bcc_hash(b"\x00\x00\x00\x00\x00\x00\x3f") == bcc_hash(bytes(7)), "only the first fifty bits show"
    with pytest.raises(ValueError, match="7 random bytes"):
        bcc_hash(bytes(6))


@pytest.mark.parametrize("tag", ["shopping", "", "ABCDEFGH23", "abcdefgh2", "abcdefgh01", "a b c d e f g"])
def test_other_tags_are_no_hashes(tag: str) -> None:
    assert not looks_like_hash(tag)


def test_a_name_that_is_an_address_is_no_name() -> None:
    assert display_name("jane@x.example") == display_name("+49 30 12") == ""
    assert display_name("Jane (jane@x.example)") == display_name("'boss@bank.example' via us") == ""
    assert display_name(" Jane \n Doe ") == "Jane Doe"


@pytest.mark.parametrize("name", ["Ann @ Acme", "Ann @Acme", "@annlee", "Ann @ Acme, Inc."])
def test_a_name_with_an_at_sign_is_a_name(name: str) -> None:
    assert display_name(name) == name
    participant = email_participant("from", "ann@acme.example", name)
    assert participant is not None
    assert participant.name == name


def test_an_address_over_again_is_no_name_however_it_is_spaced() -> None:
    participant = email_participant("from", "ann@acme.example", "Ann @ acme.example")
    assert participant is not None
    assert participant.name == ""


@pytest.mark.parametrize("written", ["", "nobody", "a@b@c", "a b@c.example", "@x.example"])
def test_what_is_no_address_is_nobody(written: str) -> None:
    assert email_participant("to", written) is None


def test_an_identity_of_pages_is_not_remembered() -> None:
    observations._remembered_email.cache_clear()
    assert email_participant("other", "a@x.example", "n" * 100_000) is not None
    assert email_participant("other", "a" * 100_000) is None
    assert observations._remembered_email.cache_info().currsize == 0


def test_handles_compare_without_their_decoration() -> None:
    assert undecorated("https://www.LinkedIn.com/in/Jane/") == "linkedin.com/in/jane"
    assert undecorated("@Jane") == "jane"


def test_a_contact_shows_the_users_words_then_googles_then_what_mail_taught() -> None:
    learned = [NamedAddress("j@x.example", "jane", 2, AT)]
    cards = [CardFields(name="Jane Google")]
    typed = EditableFields(name="Jane Mine", edited=("name",))
    assert derived_fields(typed, cards, learned).name == "Jane Mine"
    assert derived_fields(EditableFields(name="stale"), cards, learned).name == "Jane Google"
    assert derived_fields(EditableFields(), [], learned).name == "jane"
    assert derived_fields(EditableFields(), [], [NamedAddress("J@x.example")]).name == "J@x.example"


def test_company_and_title_come_from_one_card() -> None:
    found = derived_fields(EditableFields(), [CardFields(title="CTO"), CardFields(company="Other")], [])
    assert (found.company, found.title) == ("", "CTO")


def test_a_card_with_only_an_organization_is_called_by_it() -> None:
    acme = CardFields(company="Acme, Inc.", phones=("+49 30 1234567",))
    assert derived_fields(EditableFields(), [acme], []).name == "Acme, Inc."
    assert derived_fields(EditableFields(), [acme], [NamedAddress("info@acme.example")]).name == "Acme, Inc."
    assert (
        derived_fields(EditableFields(), [acme], [NamedAddress("info@acme.example", "Ann Lee", 2, AT)]).name
        == "Ann Lee"
    )
    assert derived_fields(EditableFields(), [acme, CardFields(name="Ann")], []).name == "Ann"
    assert derived_fields(EditableFields(name="My Ann", edited=("name",)), [acme], []).name == "My Ann"
    assert derived_fields(EditableFields(company="Beta", edited=("company",)), [acme], []).name == "Beta"
    assert derived_fields(EditableFields(), [acme], []).words_name == "acme inc"


PHONES = [
    # written by one, written by another, how many phones that is
    ("+1 212 555 0100", "+1-212-555-0100", 1),
    ("+1 212 555 0100", "+1 (212) 555.0100", 1),
    ("+46 70 123 45 67", "+46 (0)70 123 45 67", 1),
    ("030 1234", "030/1234", 1),
    ("+1 212 555 0100 ext. 5", "+1 212 555 0100 ext. 6", 2),
    ("+1 212 555 0100 ext. 5", "+1 212 555 0100", 2),
    ("555 0100 x5", "555 0100 x6", 2),
    ("1-800-FLOWERS", "1-800-GOFEDEX", 2),
    ("+1 800 FLOWERS", "+1 800 356 9377", 2),  # the same line; but who typed the letters wants to see them
    ("030 1234 (after six)", "030 1234", 2),
    ("ask at the desk", "030 1234", 2),
    ("---", "030 1234", 1),
]


@pytest.mark.parametrize(("first", "second", "number"), PHONES)
def test_no_phone_that_was_written_is_hidden(first: str, second: str, number: int) -> None:
    shown = derived_fields(EditableFields(typed_phones=(first,)), [CardFields(phones=(second,))], []).phones
    assert len(shown) == number
    assert set(shown) <= {first, second}


@pytest.mark.parametrize(("first", "second", "number"), PHONES)
def test_phones_that_the_user_took_off_stay_off_and_no_others(first: str, second: str, number: int) -> None:
    removed = dropped_phone_entries([first], [])
    again = dropped_phone_entries([*removed], [])
    left = derived_fields(EditableFields(dropped_phones=tuple(again)), [CardFields(phones=(first, second))], []).phones
    assert left == ((second,) if number == 2 else (second,) if first == "---" else ())


def test_phones_are_compared_by_their_numbers_whatever_is_written_beside() -> None:
    assert derived_fields(EditableFields(typed_phones=("030 1234 (after six)", "030 1234")), [], []).phone_keys == (
        "0301234",
    )


@pytest.mark.parametrize(
    ("first", "second", "evidence"),
    [
        (Traits("jane", [], ["+1"]), Traits("bob", [], ["+1"]), ("same phone +1",)),
        (
            Traits("jane doe", ["acme.example"], []),
            Traits("jane doe", ["acme.example"], []),
            ("same name at acme.example",),
        ),
        (Traits("jane doe", ["gmail.com"], []), Traits("jane doe", ["gmail.com"], []), ("same name",)),
        (Traits("jane doe", [], []), Traits("doe jane", [], []), ("same name",)),
        (Traits("jane doe", [], []), Traits("john smith", [], []), ()),
        (Traits("", [], []), Traits("", [], []), ()),
    ],
)
def test_likeness_names_its_evidence(first: Traits, second: Traits, evidence: tuple[str, ...]) -> None:
    assert likeness(first, second)[1] == likeness(second, first)[1] == evidence


def test_an_address_that_is_none_is_named_no_longer_than_an_address_may_be() -> None:
    with pytest.raises(Refused) as caught:
        _typed_email("x" * 400)
    assert caught.value.detail == f"'{'x' * 320}' is not an email address."


def test_a_key_is_made_of_no_more_than_so_much_text() -> None:
    assert key("x" * 100_001) == key("x" * 100_000)
    assert key("x" * 99_999) != key("x" * 100_000)
