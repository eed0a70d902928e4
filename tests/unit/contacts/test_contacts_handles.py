"""Identities of other platforms: one person's is one, however it is written; and what speaks for whose it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.events import Identity
from libs.common.requests import TypedIdentity
from services.contacts.domain.contact_edits import typed_identities
from services.contacts.domain.duplicate_keys import blocking_keys, is_of_name
from services.contacts.domain.duplicates import Traits, likeness
from services.contacts.domain.identities import (
    MAX_IDENTITY,
    PLATFORMS,
    kind_of_profile,
    profile_url,
    read_identity,
)
from services.contacts.domain.identity_evidence import BIO, PROFILE, Evidence, bio_evidence, reported_evidence
from services.contacts.domain.text import MAX_KEY

SAME: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("telegram", "amara_o", "@Amara_O"): (
        "@Amara_O", "Amara_O", " @Amara_O ", "https://t.me/Amara_O", "http://t.me/@Amara_O/", "t.me/Amara_O?start=1", "t.me/s/Amara_O",
        "https://telegram.me/Amara_O#x", "TELEGRAM.DOG/Amara_O", "＠Ａｍａｒａ_Ｏ", "@Ama\u200bra_O\u202e",
    ),
    ("twitter", "amara", "@Amara"): (
        "@Amara", "https://twitter.com/Amara", "https://x.com/Amara/status/1", "mobile.twitter.com/Amara", "https://www.x.com/Amara?s=20",
    ),
    ("linkedin", "amara-okafor-1a2b", "Amara-Okafor-1a2b"): (
        "https://www.linkedin.com/in/Amara-Okafor-1a2b", "linkedin.com/in/Amara-Okafor-1a2b/", "https://de.linkedin.com/in/Amara-Okafor-1a2b?trk=x",
        "http://linkedin.com:80/IN/Amara-Okafor-1a2b/details/skills", "Amara-Okafor-1a2b",
    ),
    ("linkedin", "jörg-groß", "Jörg-Groß"): ("https://www.linkedin.com/in/J%C3%B6rg-Gro%C3%9F/", "Jörg-Groß", "Jo\u0308rg-Groß"),
    ("instagram", "amara.o", "@Amara.o"): ("@Amara.o", "https://www.instagram.com/Amara.o/"),
    ("github", "amara-o", "Amara-o"): ("Amara-o", "@Amara-o", "https://github.com/Amara-o/repository"),
    ("phone", "+46701112233", "+46 70 111 22 33"): ("+46 70 111 22 33",),
    ("whatsapp", "+46701112233", "+46701112233"): (
        "+46701112233", "https://wa.me/46701112233?text=hi", "46701112233@s.whatsapp.net",
    ),
    ("signal", "amara.01", "amara.01"): ("amara.01",),
    ("acme_chat", "amara", "@Amara"): ("@Amara",),
}  # fmt: skip
FORMS = [(written, *expected) for expected, several in SAME.items() for written in several]


@pytest.mark.parametrize(("written", "kind", "value", "shown"), FORMS, ids=str)
def test_an_identity_is_one_however_it_is_written(written: str, kind: str, value: str, shown: str) -> None:
    found = read_identity(kind, written)
    assert found is not None
    assert (found.kind, found.value, found.shown, found.recognised) == (kind, value, shown, True)


def test_other_names_of_a_platform_are_that_platform() -> None:
    for kind, name in (("X", "twitter"), ("tg", "telegram"), (" LinkedIn ", "linkedin"), ("Acme Chat", "acme chat")):
        found = read_identity(kind, "amara")
        assert found is not None
        assert found.kind == name


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("email", "amara@x.example"), ("Email", "a@x.example"), ("bcc", "abcdefghij"), ("domain", "x.example"), ("", "amara"),
        ("telegram", ""), ("telegram", "@"), ("telegram", " \u200b "), ("phone", "none"), ("acme", "@/"),
    ],
)  # fmt: skip
def test_what_identifies_nobody_on_a_platform_is_nothing(kind: str, written: str) -> None:
    assert read_identity(kind, written) is None


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("telegram", "https://t.me/+AbCdEf"), ("telegram", "https://t.me/joinchat/AbCdEf"), ("telegram", "t.me"), ("telegram", "123456789"),
        ("telegram", "https://t.me.evil.example/amara"), ("telegram", "https://t.me@evil.example/amara"), ("telegram", "x.com/amara"),
        ("twitter", "https://x.com/home"), ("twitter", "https://x.com/i/lists/1"), ("twitter", "a_name_far_too_long"),
        ("linkedin", "https://www.linkedin.com/company/acme"), ("linkedin", "https://linkedin.com/in/a%2Fb"),
        ("linkedin", "https://linkedin.com/in/"), ("linkedin", "https://evil.example/linkedin.com/in/amara"), ("linkedin", "a.b"),
    ],
)  # fmt: skip
def test_what_is_no_handle_of_a_known_platform_is_kept_and_never_taken_for_one(kind: str, written: str) -> None:
    found = read_identity(kind, written)
    assert found is not None
    assert not found.recognised
    assert profile_url(kind, found.shown) == ""


def test_the_profile_is_where_its_platform_has_it_and_of_others_where_they_put_it() -> None:
    profiles = {kind: profile_url(kind, "Amara") for kind in PLATFORMS}
    assert profiles == {
        "telegram": "https://t.me/Amara", "linkedin": "https://www.linkedin.com/in/Amara", "twitter": "https://x.com/Amara",
        "instagram": "https://www.instagram.com/Amara", "github": "https://github.com/Amara",
    }  # fmt: skip
    assert profile_url("linkedin", "jörg") == "https://www.linkedin.com/in/j%C3%B6rg"
    assert profile_url("acme", "https://acme.example/@amara") == "https://acme.example/@amara"
    for shown in ("amara", "javascript:alert(1)", "https://acme.example@evil.example/amara"):
        assert profile_url("acme", shown) == ""


def test_the_address_of_a_profile_states_its_platform() -> None:
    written = {"t.me/amara": "telegram", "https://www.linkedin.com/in/amara": "linkedin", "x.com/amara": "twitter"}
    assert {text: kind_of_profile(text) for text in written} == written
    assert [kind_of_profile(text) for text in ("@amara", "amara", "https://x.com/home", "https://a.example/in/x")] == [
        ""
    ] * 4


KINDS = st.sampled_from([*PLATFORMS, "x", "phone", "whatsapp", "signal", "acme"]) | st.text(max_size=40)
PIECES = st.sampled_from(
    [
        "@", "https://", "t.me/", "linkedin.com/in/", "x.com/", "wa.me/", "%2F", "%C3%B6", "?", "#", "/", "+46", "\x00", "\u202e", "İ",
        "ﷺ", "ß",
    ]
)  # fmt: skip
WRITTEN = st.text(max_size=60) | st.lists(PIECES | st.text(max_size=8), max_size=8).map("".join)


@given(KINDS, WRITTEN)
def test_whatever_is_written_is_bounded_harmless_and_read_again_as_the_same(kind: str, written: str) -> None:
    found = read_identity(kind, written)
    if found is None:
        return
    assert read_identity(found.kind, found.shown) == found
    assert 0 < len(found.value) <= MAX_KEY
    assert 0 < len(found.shown) <= MAX_IDENTITY
    assert "\x00" not in found.kind + found.value + found.shown
    url = profile_url(found.kind, found.shown)
    assert not url or url.lower().startswith(("https://", "http://"))


@given(st.sampled_from(sorted(PLATFORMS)), st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{4,14}\Z"))
def test_with_or_without_its_sign_in_any_case_and_as_a_profile_it_is_the_same(kind: str, handle: str) -> None:
    if kind == "github":
        handle = handle.replace("_", "-")
    forms = (
        handle,
        f"@{handle}",
        handle.upper(),
        PLATFORMS[kind].profile.format(handle),
        f" {PLATFORMS[kind].profile.format(handle.lower())}/ ",
    )
    found = [read_identity(kind, form) for form in forms]
    assert {(identity.kind, identity.value) for identity in found if identity} == {
        (kind, handle.lower())
    } or handle.lower() in PLATFORMS[kind].pages
    assert None not in found


def test_an_endless_identity_costs_no_more_than_its_beginning() -> None:
    for written in (
        "a" * 1_000_000,
        "@" * 1_000_000,
        "https://t.me/" + "/" * 1_000_000,
        "%" * 1_000_000,
        "ﷺ" * 1_000_000,
    ):
        found = read_identity("telegram", written)
        assert found is None or len(found.shown) <= MAX_IDENTITY


def test_what_is_typed_has_to_be_an_identity_and_what_is_there_may_stay() -> None:
    typed = (
        TypedIdentity(kind="Telegram", value="https://t.me/Amara"),
        TypedIdentity(value="x.com/amara"),
        TypedIdentity(kind="tg", value="@amara"),
    )
    found = typed_identities(typed, ())
    assert [(identity.kind, identity.value) for identity in found] == [("telegram", "amara"), ("twitter", "amara")]
    number = TypedIdentity(kind="telegram", value="123456789")
    assert [identity.value for identity in typed_identities([number], {("telegram", "123456789")})] == ["123456789"]
    for written, words in (
        (number, "is no handle of telegram"), (TypedIdentity(value="@amara"), "Give that first"),
        (TypedIdentity(kind="phone", value="none"), "identifies nobody"),
    ):  # fmt: skip
        with pytest.raises(Refused, match="invalid_identity") as refused:
            typed_identities([written], ())
        assert words in refused.value.detail
        assert refused.value.status == 422


def test_a_connector_states_emails_and_phones_and_a_bio_names_them() -> None:
    identity = Identity(
        kind="telegram", value="@amara", emails=("Amara@X.example", "nobody"), phones=("+46 70 111 22 33", "none")
    )
    assert reported_evidence("telegram", identity) == {
        Evidence(PROFILE, "telegram", "email", "amara@x.example"), Evidence(PROFILE, "telegram", "phone", "+46701112233"),
    }  # fmt: skip
    bio = (
        "Tea. Write to Amara@X.example, mailto:a.o@y.example or +46 (0)70 111 22 33; "
        "<https://t.me/Amara> (x.com/amara). @amara"
    )
    assert {evidence.address for evidence in bio_evidence("linkedin", bio)} == {
        ("email", "amara@x.example"), ("email", "a.o@y.example"), ("phone", "+46701112233"), ("telegram", "amara"), ("twitter", "amara"),
    }  # fmt: skip
    assert {evidence.source for evidence in bio_evidence("linkedin", bio)} == {BIO}
    assert bio_evidence("linkedin", "Paints, since 2001. me@home, @amara, t.me") == frozenset()
    many = " ".join(f"a{number}@x.example" for number in range(100))
    assert len(bio_evidence("linkedin", many)) == 10


def traits(
    name: str, *evidence: Evidence, phones: tuple[str, ...] = (), named: tuple[tuple[str, str], ...] = ()
) -> Traits:
    return Traits(name, (), phones, evidence=evidence, named=named)


EMAIL = ("email", "amara@x.example")


@pytest.mark.parametrize(
    ("other", "evidence", "expected"),
    [
        (traits("amara okafor", named=(EMAIL,)), Evidence(PROFILE, "telegram", *EMAIL), (0.9, ("Telegram shows amara@x.example",))),
        (traits("amara okafor", named=(EMAIL,)), Evidence(BIO, "linkedin", *EMAIL), (0.8, ("the LinkedIn bio names amara@x.example",))),
        (traits("amara okafor", phones=("+4670",)), Evidence(PROFILE, "acme", "phone", "+4670"), (0.9, ("acme shows +4670",))),
        (traits("tea lover", named=(EMAIL,)), Evidence(PROFILE, "telegram", *EMAIL),
         (0.95, ("same name", "Telegram shows amara@x.example"))),
        (traits("amara okafor"), Evidence(PROFILE, "telegram", *EMAIL), (0.0, ())),
        (traits("amara okafor", phones=("+4671",)), Evidence(PROFILE, "telegram", "phone", "+4670"), (0.0, ())),
    ],
)  # fmt: skip
def test_what_a_profile_or_bio_shows_speaks_for_who_has_it(
    other: Traits, evidence: Evidence, expected: tuple[float, tuple[str, ...]]
) -> None:
    stranger = traits("tea lover", evidence)
    assert likeness(stranger, other) == expected
    assert likeness(other, stranger) == expected
    shared = set(blocking_keys(stranger)) & set(blocking_keys(other))
    assert any(not is_of_name(key) for key in shared) == bool(expected[1]), "they meet by it, whatever they are called"
