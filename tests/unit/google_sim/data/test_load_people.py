import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.google_sim.account import Resource
from libs.google_sim.loaders import LoadError, load_people
from libs.google_sim.oracle.addresses import Me
from libs.google_sim.oracle.cards import read_card
from tests.support.strategies import hostile_forms


def load(tmp_path: Path, *cards: str | bytes) -> list[Resource]:
    path = tmp_path / "contacts.vcf"
    raw = [card if isinstance(card, bytes) else card.encode() for card in cards]
    path.write_bytes(b"\r\n".join(b"BEGIN:VCARD\r\n" + card + b"\r\nEND:VCARD" for card in raw))
    return load_people(path)


def values(person: Resource, field: str) -> list[Any]:
    return [entry.get("value") for entry in person.get(field, [])]


def test_a_card_becomes_a_person_as_google_shows_it(tmp_path: Path) -> None:
    (person,) = load(
        tmp_path,
        "\r\n".join(
            (
                "VERSION:3.0",
                "N:Doe;Ann;Q.;Dr.;",
                "FN:Dr. Ann Q. Doe",
                "item1.EMAIL;TYPE=INTERNET,WORK:ann@x.org",
                "EMAIL:ann@home.example",
                "TEL;TYPE=CELL:+46 70 174 06 05",
                r"ORG:Doe\, Inc.;Research",
                "TITLE:Chief",
                "BDAY:1985-04-03",
                "URL:https://ann.example",
                "PHOTO;VALUE=uri:https://ann.example/a.jpg",
                r"NOTE:two\nlines",
            )
        ),
    )
    assert person["names"][0]["displayName"] == "Dr. Ann Q. Doe"
    assert (person["names"][0]["givenName"], person["names"][0]["familyName"]) == ("Ann", "Doe")
    assert values(person, "emailAddresses") == ["ann@x.org", "ann@home.example"]
    assert person["emailAddresses"][0]["type"] == "work"
    assert person["emailAddresses"][0]["metadata"]["primary"] is True
    assert (person["phoneNumbers"][0]["value"], person["phoneNumbers"][0]["type"]) == ("+46 70 174 06 05", "mobile")
    organization = person["organizations"][0]
    assert (organization["name"], organization["department"], organization["title"]) == (
        "Doe, Inc.",
        "Research",
        "Chief",
    )
    assert person["birthdays"][0]["date"] == {"year": 1985, "month": 4, "day": 3}
    assert person["photos"][0]["url"] == "https://ann.example/a.jpg"
    assert person["biographies"][0]["value"] == "two\nlines"


OLD_AND_NEW = [
    # what a phone, a mail program and a standard write
    (b"VERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6r=\r\ng", "Jörg Müller"),
    (b"VERSION:2.1\r\nFN;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:J=F6rg M=FCller", "Jörg Müller"),
    ("VERSION:2.1\r\nFN:Jörg Müller".encode("cp1252"), "Jörg Müller"),
    ("VERSION:4.0\r\nFN:山田 花\r\n 子", "山田 花子"),
    ("VERSION:3.0\r\nN:Doe;Jane", "Jane Doe"),
    ("VERSION:3.0\r\nFN;CHARSET=no-such;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg", "Jörg"),
]


@pytest.mark.parametrize(("card", "name"), OLD_AND_NEW)
def test_names_of_every_version_are_read(tmp_path: Path, card: str | bytes, name: str) -> None:
    (person,) = load(tmp_path, card)
    assert person["names"][0]["displayName"] == name


def test_equal_cards_stay_apart_and_keep_their_names(tmp_path: Path) -> None:
    names = [person["resourceName"] for person in load(tmp_path, "FN:A", "FN:A", "FN:B")]
    assert len(set(names)) == 3
    assert names == [person["resourceName"] for person in load(tmp_path, "FN:A", "FN:A", "FN:B")]


def test_a_card_that_was_never_closed_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "broken.vcf"
    path.write_text("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN:B\nEND:VCARD\nBEGIN:VCARD\nFN:C\n")
    assert [person["names"][0]["displayName"] for person in load_people(path)] == ["A", "B", "C"]


def test_resources_are_served_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text(json.dumps({"resourceName": "people/c1", "odd": [1]}))
    assert load_people(path) == [{"resourceName": "people/c1", "odd": [1]}]
    with pytest.raises(LoadError, match="no contacts file"):
        load_people(tmp_path / "people.csv")


@given(
    st.lists(
        st.sampled_from(
            [
                b"BEGIN:VCARD",
                b"END:VCARD",
                b"N:;;;;;;;",
                b"FN",
                b"TEL;:",
                b"ADR:;",
                b"ORG:",
                b"BDAY:never",
                b"EMAIL:\xff\xfe",
                b" x",
                b"=",
                b"FN;ENCODING=QUOTED-PRINTABLE:=ZZ=",
                b"PHOTO;BASE64:AAAA",
                b'N;X=":a',
                b"\x00:\x00",
                b"TITLE:t",
            ]
        )
        | st.builds(
            lambda name, form: f"{name}:{form}".encode(), st.sampled_from(["FN", "N", "EMAIL", "TEL"]), hostile_forms()
        ),
        max_size=20,
    )
)
def test_no_card_crashes_the_load(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("vcf") / "c.vcf"
    path.write_bytes(b"\n".join([b"BEGIN:VCARD", *lines]))
    for person in load_people(path):
        json.dumps(person, ensure_ascii=False).encode()
        read_card(person, Me.of([]))
