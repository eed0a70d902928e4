"""An archive of Google Takeout is read as it comes; a file that holds no mail is no mailbox."""

import zipfile
from pathlib import Path

import pytest

from libs.google_sim.loaders import LoadError, load_calendar, load_mail, load_people, load_takeout

OWNER = "me@home.example"
MAIL = b"From 1@xxx Mon Jan 05 10:00:00 +0000 2026\nFrom: ann@x.example\nTo: me@home.example\nSubject: %s\n\nHello\n\n"


def calendar(name: str, uid: str) -> bytes:
    lines = ("BEGIN:VCALENDAR", f"X-WR-CALNAME:{name}", "BEGIN:VEVENT", f"UID:{uid}", "DTSTART:20260105T100000Z",
             "DTEND:20260105T110000Z", "SUMMARY:Lunch", "END:VEVENT", "END:VCALENDAR", "")  # fmt: skip
    return "\r\n".join(lines).encode()


def card(name: str) -> bytes:
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nEMAIL:{name.lower()}@x.example\r\nEND:VCARD\r\n".encode()


FILES = {
    "Takeout/archive_browser.html": b"From here on it is HTML",
    "Takeout/Mail/Alle Nachrichten.mbox": MAIL % b"One" + MAIL % b"Two",
    "Takeout/Mail/Benutzereinstellungen/Filter.json": b"{}",
    "Takeout/Kalender/Familie.ics": calendar("Familie", "a"),
    "Takeout/Kalender/me@home.example.ics": calendar("me@home.example", "b"),
    "Takeout/Kontakte/Alle Kontakte/Alle Kontakte.vcf": card("Ann") + card("Bob") + card("Bob"),
    "Takeout/Kontakte/Meine Kontakte/Meine Kontakte.vcf": card("Ann"),
}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpacked(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def subjects(messages: list[dict[str, object]]) -> list[str]:
    headers = [message["payload"]["headers"] for message in messages]  # type: ignore[index]
    return [header["value"] for each in headers for header in each if header["name"] == "Subject"]


def in_one_zip(folder: Path) -> Path:
    return zipped(folder / "takeout-20260105T100000Z-001.zip", FILES)


def in_several_zips(folder: Path) -> Path:
    for number, (name, content) in enumerate(FILES.items()):
        zipped(folder / f"takeout-20260105T100000Z-{number:03}.zip", {name: content})
    return folder


@pytest.mark.parametrize(
    "made", [in_one_zip, in_several_zips, lambda folder: unpacked(folder, FILES)], ids=["zip", "zips", "unpacked"]
)
def test_an_archive_is_read_as_it_comes(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    taken = load_takeout(made(tmp_path), OWNER)
    assert subjects(taken.messages) == ["One", "Two"]
    assert [(calendar.primary, len(calendar.events)) for calendar in taken.calendars] == [(True, 1), (False, 1)]
    assert [calendar.summary for calendar in taken.calendars] == [OWNER, "Familie"]
    names = [person["names"][0]["displayName"] for person in taken.people]
    assert names == ["Ann", "Bob", "Bob"], "the same card under another label is the same person"


def test_what_was_not_exported_is_not_missed_and_nothing_at_all_is(tmp_path: Path) -> None:
    only = {"Takeout/Kontakte/Alle.vcf": card("Ann")}
    taken = load_takeout(zipped(tmp_path / "contacts.zip", only), OWNER)
    assert (len(taken.messages), len(taken.calendars), len(taken.people)) == (0, 0, 1)
    with pytest.raises(LoadError, match=r"photos\.zip holds no mail, calendar or contacts"):
        load_takeout(zipped(tmp_path / "photos.zip", {"Takeout/Photos/a.jpg": b"\xff\xd8"}), OWNER)
    with pytest.raises(LoadError, match=r"takeout\.tgz is no archive of Takeout"):
        load_takeout(tmp_path / "takeout.tgz", OWNER)


def test_each_part_can_be_taken_out_of_the_archive(tmp_path: Path) -> None:
    archive = in_one_zip(tmp_path)
    assert [
        len(found) for found in (load_mail(archive, OWNER), load_calendar(archive, OWNER), load_people(archive))
    ] == [
        2,
        2,
        3,
    ]
    rest = zipped(tmp_path / "rest.zip", {"Takeout/archive_browser.html": b"<html>"})
    for load in (lambda: load_mail(rest, OWNER), lambda: load_calendar(rest, OWNER), lambda: load_people(rest)):
        with pytest.raises(LoadError, match=r"There (is|are) no (mail|calendar|contacts) in .*rest\.zip"):
            load()


@pytest.mark.parametrize("content", [b"no zip", b"PK\x03\x04 and nothing more", b""])
def test_a_broken_zip_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "takeout.zip").write_bytes(content)
    with pytest.raises(LoadError, match=r"takeout\.zip can't be read as a zip file .* Copy it again, or unpack it\."):
        load_mail(tmp_path / "takeout.zip", OWNER)


def test_a_zip_that_was_cut_or_damaged_inside_is_a_sentence(tmp_path: Path) -> None:
    archive = in_one_zip(tmp_path)
    content = bytearray(archive.read_bytes())
    at = content.index(b"Alle Nachrichten.mbox") + len(b"Alle Nachrichten.mbox")
    content[at : at + 20] = b"\xff" * 20
    archive.write_bytes(content)
    with pytest.raises(LoadError, match="can't be read as a zip file"):
        load_mail(archive, OWNER)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mail.mbox", b"%PDF-1.7\n1 0 obj\n"),
        ("mail.mbox", b"\n\n<html><body>From: me</body></html>\n"),
        ("mail.eml", b"\x89PNG\r\n\x1a\n"),
        ("mail.eml", b"Dear diary\n\nFrom: nobody\n"),
        ("mail.mbox", b"\n\n"),
        ("mail.mbox", b'{"a": 1}\n'),
        ("mail.eml", b"https://mail.example/1\n"),
    ],
)
def test_a_file_that_is_only_called_as_mail_is_no_mail(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LoadError, match=f"There is no mail in .*{name}"):
        load_mail(tmp_path / name, OWNER)
    (tmp_path / "real.mbox").write_bytes(MAIL % b"Real")
    assert subjects(load_mail(tmp_path, OWNER)) == ["Real"]
