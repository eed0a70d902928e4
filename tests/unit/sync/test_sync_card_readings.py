"""Cards of Google Contacts as they are read and imported."""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest

from libs.common.events import PersonImported
from libs.common.ids import AccountId, UserId
from libs.common.resources.people import Card, read_card
from services.sync.domain.people import fingerprint, imported, is_imported

USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
PERSON: dict[str, Any] = {
    "resourceName": "people/c1",
    "metadata": {"deleted": True, "previousResourceNames": ["people/c0", 5]},
    "names": [{"displayName": "Late"}, {"displayName": " ", "unstructuredName": " Ann\n Lee ", "metadata": {"primary": True}}],
    "emailAddresses": [{"value": " b@x.example "}, {"value": "a@x.example", "metadata": {"primary": True}}, {"value": "b@x.example"},
                       {"value": ""}],
    "phoneNumbers": [{"value": "1"}, {"value": " 030 5 ", "canonicalForm": "+49305", "metadata": {"primary": True}}, {"value": "1"}],
    "urls": [{"value": "https://x.example"}],
    "organizations": [{"department": "odd"}, {"name": " Acme ", "title": " CTO "}, {"name": "Late"}],
    "photos": [{"url": "https://drawn.example", "default": True}, {"url": "http://plain.example"}, {"url": "https://p.example"}],
    "birthdays": [{"date": {"month": 2}}, {"date": {"year": 2000, "month": 2, "day": 3}}],
}  # fmt: skip


def test_a_card_is_read_whole() -> None:
    assert read_card(PERSON) == Card(
        resource_name="people/c1", deleted=True, former_names=("people/c0",), name="Ann Lee", emails=("a@x.example", "b@x.example"),
        phones=("030 5", "1"), organization="Acme", title="CTO", photo_url="https://p.example", birthday="2000-02-03",
        urls=("https://x.example",), canonical_phones=("+49305", ""),
    )  # fmt: skip
    assert read_card({}) == Card("")


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ([{"displayName": " A\n B ", "unstructuredName": "C"}], "A B"),
        ([{"givenName": " A ", "familyName": " B "}], "A B"),
        ([{"familyName": "B"}], "B"),
        ([{"givenName": 5}, {"displayName": "Next"}], "Next"),
        ([], ""),
    ],
)
def test_a_name_is_the_first_that_is_one(names: list[dict[str, Any]], name: str) -> None:
    assert read_card({"names": names}).name == name


@pytest.mark.parametrize(
    ("birthday", "text_of_it"),
    [
        ({"date": {"month": 2, "day": 3}}, "--02-03"),
        ({"date": {"year": 0, "month": 12, "day": 31}}, "--12-31"),
        ({"date": {"year": 33, "month": 4, "day": 3}}, "0033-04-03"),
        ({"date": {"year": "x", "month": 4, "day": 3}}, "--04-03"),
        ({"date": {"year": 2000, "day": 3}, "text": " spring "}, "spring"),
        ({"date": {"year": 2000, "month": 3}, "text": "x" * 101}, "x" * 100),
        ({"text": " "}, ""),
    ],
)
def test_a_birthday_may_have_no_year(birthday: dict[str, Any], text_of_it: str) -> None:
    assert read_card({"birthdays": [birthday]}).birthday == text_of_it


@pytest.mark.parametrize("only", ["name", "organization", "title"])
def test_any_one_thing_is_enough_to_know_somebody_by(only: str) -> None:
    assert is_imported(Card("people/c1", **{only: "x"}))
    assert not is_imported(Card("people/c1", deleted=True, **{only: "x"}))
    assert read_card({"organizations": [{"name": "A"}]}).organization == "A"
    assert read_card({"organizations": [{"title": "T"}]}).title == "T"


def test_nothing_else_is_enough() -> None:
    assert is_imported(Card("people/c1", emails=("a",)))
    assert is_imported(Card("people/c1", phones=("1",)))
    assert not is_imported(Card("people/c1", photo_url="p", birthday="b", urls=("u",), former_names=("f",)))


def test_a_fingerprint_knows_every_field() -> None:
    card = Card("people/c1")
    changed = [
        replace(card, **{field.name: ("x",) if isinstance(getattr(card, field.name), tuple) else "x"})
        for field in fields(card)
    ]
    prints = {fingerprint(found) for found in (card, *changed)}
    assert len(prints) == len(fields(card)) + 1
    assert {len(found) for found in prints} == {32}
    assert fingerprint(Card("\ud800")), "a lone surrogate has a fingerprint too"


def test_a_card_is_imported_whole_and_cut() -> None:
    many = tuple(str(number) for number in range(101))
    card = Card("people/c1", False, many, "n" * 301, ("e" * 321, *many), ("p" * 101, *many), "o" * 301, "t" * 301, "u" * 2_001, "b",
                ("l" * 2_001, *many), ("c" * 101, *many))  # fmt: skip
    assert imported(card, USER, ACCOUNT, 4) == PersonImported(
        user_id=USER, account_id=ACCOUNT, resource_name="people/c1", revision=4, name="n" * 300, emails=("e" * 320, *many[:99]),
        phones=("p" * 100, *many[:99]), organization="o" * 300, title="t" * 300, photo_url="u" * 2_000, birthday="b",
        urls=("l" * 2_000, *many[:99]), former_names=many[:100], canonical_phones=("c" * 100, *many[:99]),
    )  # fmt: skip
