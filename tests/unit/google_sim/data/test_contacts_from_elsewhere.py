"""Address books as programs and phones write them: what a person would see of each card."""

from pathlib import Path
from typing import Any

import pytest

from libs.google_sim.account import Resource
from libs.google_sim.loaders import load_people


def load(tmp_path: Path, *lines: str | bytes, encoding: str = "utf-8") -> list[Resource]:
    """The people of a file with one card of these lines."""
    return load_raw(tmp_path, *card(*lines, encoding=encoding))


def card(*lines: str | bytes, encoding: str = "utf-8") -> list[bytes]:
    written = [line if isinstance(line, bytes) else line.encode(encoding) for line in lines]
    return [b"BEGIN:VCARD", b"VERSION:3.0", *written, b"END:VCARD"]


def load_raw(tmp_path: Path, *lines: bytes) -> list[Resource]:
    path = tmp_path / "contacts.vcf"
    path.write_bytes(b"\r\n".join([*lines, b""]))
    return load_people(path)


def name_of(person: Resource) -> Any:
    return person["names"][0]["displayName"]


def values(person: Resource, field: str) -> list[Any]:
    return [entry["value"] for entry in person.get(field, [])]


def test_a_name_folded_inside_a_character_is_whole(tmp_path: Path) -> None:
    folded = "FN:Zoë Müller".encode().replace(b"\xc3\xbc", b"\xc3\r\n \xbc")
    (person,) = load(tmp_path, folded)
    assert name_of(person) == "Zoë Müller"


def test_one_latin_1_card_in_a_utf_8_file_spoils_neither(tmp_path: Path) -> None:
    people = load_raw(
        tmp_path, *card("FN:Zoë"), *card("FN:Jörg Müller", encoding="latin-1"), *card("FN:Jürgen", "NOTE:山")
    )
    assert [name_of(person) for person in people] == ["Zoë", "Jörg Müller", "Jürgen"]


@pytest.mark.parametrize("charset", ["windows-1251", '"windows-1251"', "WINDOWS-1251"])
def test_a_card_in_windows_1251_shows_its_russian_name(tmp_path: Path, charset: str) -> None:
    (person,) = load(tmp_path, f"FN;CHARSET={charset}:Иван Иванов".encode("cp1251"), "EMAIL:ivan@x.example")
    assert name_of(person) == "Иван Иванов"


def test_a_card_in_windows_1251_and_quoted_printable_shows_its_russian_name(tmp_path: Path) -> None:
    (person,) = load(tmp_path, "N;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=C8=E2=E0=ED=EE=E2;=C8=E2=E0=ED")
    assert name_of(person) == "Иван Иванов"


def test_a_card_in_iso_2022_jp_shows_its_japanese_name(tmp_path: Path) -> None:
    (person,) = load(tmp_path, b"FN;CHARSET=ISO-2022-JP:" + "山田".encode("iso2022_jp"))
    assert name_of(person) == "山田"


def test_a_charset_that_does_not_exist_costs_no_name(tmp_path: Path) -> None:
    (person,) = load(tmp_path, "FN;CHARSET=no-such:Jörg", "EMAIL;CHARSET=punycode:a@x.example")
    assert (name_of(person), values(person, "emailAddresses")) == ("Jörg", ["a@x.example"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_an_address_book_in_utf_16_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "outlook.vcf"
    path.write_bytes("\r\n".join(("BEGIN:VCARD", "VERSION:2.1", "FN:Zoë 山田", "END:VCARD", "")).encode(encoding))
    assert [name_of(person) for person in load_people(path)] == ["Zoë 山田"]


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-12", {"month": 5, "day": 12}),
        ("BDAY;VALUE=date;X-APPLE-OMIT-YEAR=1604:1604-05-12", {"month": 5, "day": 12}),
        ("BDAY:1604-02-29", {"month": 2, "day": 29}),
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1984-05-12", {"year": 1984, "month": 5, "day": 12}),
        ("BDAY:--0412", {"month": 4, "day": 12}),
        ("BDAY:19840512", {"year": 1984, "month": 5, "day": 12}),
        ("BDAY:1984-05-12T00:00:00Z", {"year": 1984, "month": 5, "day": 12}),
    ],
)
def test_a_birthday_is_shown_without_the_year_that_was_never_entered(
    tmp_path: Path, written: str, date: dict[str, int]
) -> None:
    (person,) = load(tmp_path, "FN:Ann", written)
    assert person["birthdays"][0]["date"] == date


@pytest.mark.parametrize("written", ["1984-13-40", "1984-02-30", "circa 1800"])
def test_a_birthday_that_is_no_date_is_kept_as_text(tmp_path: Path, written: str) -> None:
    (person,) = load(tmp_path, "FN:Ann", f"BDAY:{written}")
    assert person["birthdays"][0]["text"] == written
    assert "date" not in person["birthdays"][0]


@pytest.mark.parametrize(
    "preferred", ["EMAIL;PREF=1:", "EMAIL;TYPE=WORK,PREF:", "EMAIL;TYPE=pref;TYPE=home:", "EMAIL;PREF:"]
)
def test_the_preferred_address_is_the_primary(tmp_path: Path, preferred: str) -> None:
    (person,) = load(
        tmp_path, "FN:Ann", "EMAIL:old@x.example", "EMAIL;PREF=2:second@x.example", f"{preferred}new@x.example"
    )
    assert values(person, "emailAddresses") == ["new@x.example", "second@x.example", "old@x.example"]
    assert [entry["metadata"].get("primary") for entry in person["emailAddresses"]] == [True, None, None]


@pytest.mark.parametrize("preference", ["0x1", "-1", "", "99999999999", "²"])
def test_a_preference_that_is_no_number_changes_nothing(tmp_path: Path, preference: str) -> None:
    (person,) = load(tmp_path, "FN:Ann", "TEL:1", f"TEL;PREF={preference}:2")
    assert values(person, "phoneNumbers") == ["1", "2"]


@pytest.mark.parametrize(
    ("link", "number"),
    [
        ("tel:+1-555-0100", "+1-555-0100"),
        ("tel:+1-555-0100;ext=7", "+1-555-0100 ext. 7"),
        ("TEL:+1%20555%200100;EXT=7", "+1 555 0100 ext. 7"),
        ("tel:7042;phone-context=+46-8", "+46-87042"),
        ("tel:7042;phone-context=example.com", "7042"),
        ("555 0100", "555 0100"),
    ],
)
def test_a_phone_link_is_shown_as_its_number_with_the_extension(tmp_path: Path, link: str, number: str) -> None:
    (person,) = load(tmp_path, "FN:Ann", f"TEL;VALUE=uri:{link}")
    assert values(person, "phoneNumbers") == [number]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("mailto:ann@x.example", "ann@x.example"),
        ("MAILTO:ann@x.example?subject=Hello", "ann@x.example"),
        ("mailto:ann%2Bcrm@x.example", "ann+crm@x.example"),
        ("ann@x.example", "ann@x.example"),
    ],
)
def test_a_mail_link_is_shown_as_its_address(tmp_path: Path, written: str, address: str) -> None:
    (person,) = load(tmp_path, "FN:Ann", f"EMAIL:{written}")
    assert values(person, "emailAddresses") == [address]


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    first, second = load_raw(
        tmp_path,
        *card(
            "FN:Ann",
            "this is no property",
            "TEL;TYPE=HOME;;TYPE=x:1",
            "AGENT:",
            "BEGIN:VCARD-IN-IT",
            "EMAIL:ann@x.example",
        ),
        *card("FN:Ben"),
    )
    assert name_of(first) == "Ann"
    assert values(first, "phoneNumbers") == ["1"]
    assert name_of(second) == "Ben"


def test_a_card_inside_a_card_is_not_its_owner(tmp_path: Path) -> None:
    (person,) = load(tmp_path, "FN:Ann", "BEGIN:AGENT", "FN:Fred", "TEL:1", "END:AGENT", "EMAIL:ann@x.example")
    assert (name_of(person), values(person, "emailAddresses")) == ("Ann", ["ann@x.example"])
    assert "phoneNumbers" not in person
