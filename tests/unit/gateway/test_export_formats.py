"""The files of an export for other programs: a spreadsheet computes nothing of them, an address book and a calendar understand them."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest

from libs.google_sim.loaders.people import load_people
from services.gateway.domain import export_formats as formats

ODD = 'Ānn; "Best", \\ of\nboth 👩‍💻 ' + "x" * 90
ANN = {
    "id": "0197c0de-0000-7000-8000-000000000000", "name": ODD, "emails": ["ann@x.example", "ann@y.example"],
    "phones": [{"shown": "+46 70 111 22 33", "e164": "+46701112233"}], "company": "Acme; Inc.", "title": "=cmd|'/c calc'!A1",
    "birthday": "1985-03-21", "urls": ["https://x.example/a;b,c"],
    "identities": [
        {"kind": "telegram", "value": "ann", "shown": "@Ann", "url": "https://t.me/Ann"},
        {"kind": 'a"b', "value": "x", "shown": "x;y,\n", "url": ""},
        {"kind": "phone", "value": "+4670", "shown": "+46 70", "url": ""},
    ],
    "tags": ["a,b", "c"], "notes": "-2+3\nsecond", "score": 7,
    "archived": False, "last_interaction_at": None,
}  # fmt: skip


def reread(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_spreadsheet_shows_what_it_would_compute() -> None:
    [row] = reread(formats.csv_head(formats.CONTACT_COLUMNS) + formats.contact_rows([ANN]))
    assert row["name"] == ODD
    assert row["emails"] == "ann@x.example; ann@y.example"
    assert row["phones"] == "'+46 70 111 22 33"
    assert row["identities"] == 'telegram: @Ann; a"b: x;y,\n; phone: +46 70'
    assert row["title"] == "'=cmd|'/c calc'!A1"
    assert row["notes"] == "'-2+3\nsecond"
    assert (row["score"], row["archived"], row["last_interaction_at"]) == ("7", "no", "")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "  =", "＝", "＠"])
def test_no_cell_begins_as_a_formula(begin: str) -> None:
    [row] = reread(formats.csv_head(formats.INTERACTION_COLUMNS) + formats.interaction_rows([{"title": f"{begin}1+1"}]))
    assert row["title"] == f"'{begin}1+1"


def test_a_number_below_nothing_stays_a_number_and_people_are_named() -> None:
    people = [
        {"role": "from", "name": "Ann", "address": "ann@x.example"},
        {"role": "to", "name": "", "address": "b@x.example"},
    ]
    text = formats.csv_head(formats.INTERACTION_COLUMNS) + formats.interaction_rows(
        [{"people": people, "people_total": -1}]
    )
    [row] = reread(text)
    assert row["people"] == "from: Ann <ann@x.example>; to: b@x.example"
    assert row["people_total"] == "-1"


def test_an_address_book_reads_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "contacts.vcf"
    file.write_bytes(
        formats.vcards([ANN, {"emails": ["only@x.example"], "phones": [], "birthday": "--03-21"}]).encode()
    )
    assert max(map(len, file.read_bytes().split(b"\r\n"))) <= formats.MAX_OCTETS
    ann, only = load_people(file)

    def values(person: dict[str, Any], field: str, key: str = "value") -> list[str]:
        return [entry[key] for entry in person.get(field, [])]

    assert values(ann, "names", "displayName") == [ODD]
    assert values(ann, "emailAddresses") == ANN["emails"]
    assert values(ann, "phoneNumbers") == ["+46 70 111 22 33", "+46 70"]
    profiles = [line for line in file.read_bytes().split(b"\r\n") if line.startswith(b"SOCIALPROFILE")]
    assert profiles == [
        b'SOCIALPROFILE;SERVICE-TYPE="telegram":https://t.me/Ann', b"SOCIALPROFILE;SERVICE-TYPE=\"a'b\";VALUE=text:x\\;y\\,\\n",
    ]  # fmt: skip
    assert values(ann, "organizations", "name") == ["Acme; Inc."]
    assert values(ann, "organizations", "title") == ["=cmd|'/c calc'!A1"]
    assert values(ann, "urls") == ANN["urls"]
    assert values(ann, "biographies") == ["-2+3\nsecond"]
    assert values(ann, "birthdays", "date") == [{"year": 1985, "month": 3, "day": 21}]
    assert values(only, "names", "displayName") == ["only@x.example"]
    assert values(only, "birthdays", "date") == [{"month": 3, "day": 21}]


@pytest.mark.parametrize(
    ("birthday", "written"),
    [
        ("1985-03-21", "BDAY:19850321"), ("0985-03-01", "BDAY:09850301"), ("--02-29", "BDAY:--0229"),
        ("1985-02-29", "BDAY;VALUE=text:1985-02-29"), ("in spring; or so", "BDAY;VALUE=text:in spring\\; or so"),
    ],
)  # fmt: skip
def test_a_birthday_that_is_no_day_is_text(birthday: str, written: str) -> None:
    assert written in formats.vcards([{"birthday": birthday}]).split("\r\n")


def test_a_calendar_reads_what_was_written() -> None:
    timed = {
        "meeting_id": "1", "title": ODD, "starts_at": "2026-03-04T12:00:00Z", "ends_at": "2026-03-04T12:45:00Z", "place": "Room 1, 2nd",
        "video_url": "https://meet.example/x", "organizer": {"address": "ann@x.example", "name": 'Ann "A"; B: C'},
        "guests": [{"address": "bob@x.example", "name": "", "answer": "declined"}, {"address": "e@x\r\nEND:VEVENT", "name": "\n"}],
    }  # fmt: skip
    all_day = {
        "meeting_id": "2", "title": "", "starts_at": "2026-03-04T23:00:00+00:00", "ends_at": "2026-03-05T23:00:00+00:00",
        "all_day": True, "start_date": "2026-03-05", "end_date": "2026-03-06",
    }  # fmt: skip
    text = formats.CALENDAR_BEGIN + formats.calendar_events([timed, all_day]) + formats.CALENDAR_END
    first, second = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert first["SUMMARY"] == ODD
    assert first["LOCATION"] == "Room 1, 2nd"
    assert first["DTSTART"].dt == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert first["DTEND"].dt == datetime(2026, 3, 4, 12, 45, tzinfo=UTC)
    assert first["ORGANIZER"].params["CN"] == "Ann 'A'; B: C"
    assert [str(guest) for guest in first["ATTENDEE"]] == ["mailto:bob@x.example", "mailto:e@xEND:VEVENT"]
    assert first["ATTENDEE"][0].params["PARTSTAT"] == "DECLINED"
    assert (str(second["DTSTART"].dt), str(second["DTEND"].dt)) == ("2026-03-05", "2026-03-06")


def test_the_readme_names_whose_it_is() -> None:
    text = formats.readme(datetime(2026, 3, 4, 12, 5, tzinfo=UTC), "ann@x.example")
    assert "Made 4 March 2026, 12:05 UTC, for ann@x.example." in text
