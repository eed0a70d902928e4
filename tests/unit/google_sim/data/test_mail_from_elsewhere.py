"""Mail files as programs write them: which messages a person would find in them."""

from pathlib import Path

import pytest

from libs.google_sim.account import Resource
from libs.google_sim.loaders import LoadError, load_mail
from libs.google_sim.loaders.mbox import split_mbox

OWNER = "me@home.example"
ENVELOPE = "From ann@x.org Mon Jan  5 10:00:00 2026"
GIT = f"From {'3f1a2b4c' * 5} Mon Sep 17 00:00:00 2001"


def subjects(messages: list[Resource]) -> list[str]:
    headers = [message["payload"]["headers"] for message in messages]
    return [next(header["value"] for header in own if header["name"] == "Subject") for own in headers]


def parted(*lines: str, end: str = "\n") -> list[str]:
    """The subjects of the messages that an mbox of these lines holds."""
    found = split_mbox([f"{line}{end}".encode() for line in lines])
    return [raw.content.decode().splitlines()[0].removeprefix("Subject: ") for raw in found]


def letter(subject: str = "Hello", sender: str = "Ann <ann@x.org>", **headers: str) -> bytes:
    named = {"Subject": subject, "From": sender, "To": OWNER, "Date": "Mon, 05 Jan 2026 10:00:00 +0000", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return "\n".join([*lines, "", "Text", ""]).encode()


def mbox(*letters: bytes) -> bytes:
    return b"\n".join(ENVELOPE.encode() + b"\n" + content for content in letters)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_messages_without_an_empty_line_between_them_are_all_there(end: str) -> None:
    lines = (ENVELOPE, "Subject: 1", "", "Text", ENVELOPE, "Subject: 2", "", "Text", ENVELOPE, "Subject: 3")
    assert parted(*lines, end=end) == ["1", "2", "3"]


@pytest.mark.parametrize("bare", ["From ", "From", "From -", "From MAILER-DAEMON", "From ann@x.org"])
def test_a_bare_from_line_begins_a_message(bare: str) -> None:
    assert parted(bare, "Subject: 1", "", "Text", "", bare, "Subject: 2", "", "Text") == ["1", "2"]


@pytest.mark.parametrize(
    "envelope",
    [
        "From - Mon Jan 05 10:00:00 2026",
        "From 1780000000000000000@xxx Mon Jan 05 10:00:00 +0000 2026",
        "From ???@??? Mon Jan 05 10:00:00 2026",
        "From ann@x.org Mon Jan  5 10:00 2026",
        "From ann@x.org Mon, 5 Jan 2026 10:00:00 +0100",
        "From Ann Lee <ann@x.org> Mon Jan  5 10:00:00 CET 2026",
        "From Mon Jan  5 10:00:00 2026",
    ],
)
def test_every_way_to_write_the_from_line_begins_a_message(envelope: str) -> None:
    assert parted(envelope, "Subject: 1", "", "Text", envelope, "Subject: 2", "", "Text") == ["1", "2"]


@pytest.mark.parametrize(
    "sentence",
    [
        "From here on it rains.",
        "From Mon Jan 5 until 2026 we are away, call at 10:00.",
        "From Monday 10:00 to Tuesday 2026 the office is closed: call me.",
        "From ann@x.org I heard that 2026 begins at 00:00.",
        "From",
        "From ",
    ],
)
@pytest.mark.parametrize("before", ["", "Text"])
def test_a_sentence_that_begins_with_from_stays_in_its_message(sentence: str, before: str) -> None:
    assert parted(ENVELOPE, "Subject: 1", "", before, sentence, "And so on.", "", ENVELOPE, "Subject: 2") == ["1", "2"]


@pytest.mark.parametrize("before", ["", "Text"])
def test_a_git_patch_in_a_body_stays_in_its_message(before: str) -> None:
    patch = (
        GIT,
        "From: Ann <ann@x.org>",
        "Date: Mon, 5 Jan 2026 10:00:00 +0000",
        "Subject: [PATCH] Fix",
        "",
        "---",
        "diff",
    )
    assert parted(ENVELOPE, "Subject: 1", "", "See:", before, *patch, "", ENVELOPE, "Subject: 2") == ["1", "2"]


def test_a_file_of_git_patches_has_a_message_for_each() -> None:
    lines = (GIT, "Subject: [PATCH 1/2]", "", "---", "diff", "", GIT, "Subject: [PATCH 2/2]", "", "---")
    assert parted(*lines) == ["[PATCH 1/2]", "[PATCH 2/2]"]


def test_an_apple_mail_folder_is_read_with_its_folders_name(tmp_path: Path) -> None:
    for name, content in (("INBOX.mbox", letter("In")), ("Deleted Messages.mbox", letter("Gone"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mbox").write_bytes(mbox(content))
        (tmp_path / name / "table_of_contents").write_bytes(b"\x00\x01")
    (only,) = load_mail(tmp_path / "INBOX.mbox", OWNER)
    assert only["labelIds"] == ["INBOX"]
    everything = load_mail(tmp_path, OWNER)
    assert dict(zip(subjects(everything), [message["labelIds"] for message in everything], strict=True)) == {
        "In": ["INBOX"],
        "Gone": ["TRASH"],
    }


def test_an_apple_mail_message_is_read_without_apples_own_part(tmp_path: Path) -> None:
    folder = tmp_path / "Junk.mbox" / "1A2B3C4D-0000-4000-8000-123456789ABC" / "Data" / "Messages"
    folder.mkdir(parents=True)
    content = letter("Hello")
    (folder / "1.emlx").write_bytes(f"{len(content)}\n".encode() + content + b"<?xml version='1.0'?><plist/>")
    (message,) = load_mail(tmp_path / "Junk.mbox", OWNER)
    assert (message["sizeEstimate"], message["labelIds"]) == (len(content), ["SPAM"])


def test_thunderbirds_files_without_suffix_are_read(tmp_path: Path) -> None:
    thunderbird = b"From - Mon Jan 05 10:00:00 2026\nX-Mozilla-Status: %s\n"
    (tmp_path / "Inbox").write_bytes(
        thunderbird % b"0001" + letter("In") + b"\n" + thunderbird % b"0009" + letter("Old")
    )
    (tmp_path / "Inbox.msf").write_bytes(b"// <!-- <mdb:mork:z v='1.4'/> -->\n")
    (tmp_path / "Inbox.sbd").mkdir()
    (tmp_path / "Inbox.sbd" / "Friends").write_bytes(thunderbird % b"0001" + letter("Friend"))
    (tmp_path / "Sent").write_bytes(thunderbird % b"0001" + letter("Out", sender="me@other.example"))
    (tmp_path / "Drafts").write_bytes(thunderbird % b"0001" + letter("Draft", sender=OWNER))
    messages = load_mail(tmp_path, OWNER)
    assert dict(zip(subjects(messages), [message["labelIds"] for message in messages], strict=True)) == {
        "In": ["INBOX"],
        "Old": ["TRASH"],  # deleted, only not yet compacted
        "Friend": ["INBOX"],
        "Out": ["SENT"],
        "Draft": ["DRAFT"],
    }
    assert subjects(load_mail(tmp_path / "Sent", OWNER)) == ["Out"]


def test_a_maildir_folder_is_what_it_is_called(tmp_path: Path) -> None:
    for folder in ("cur", ".Sent/cur", ".INBOX.Junk/new"):
        (tmp_path / "box" / folder).mkdir(parents=True)
        (tmp_path / "box" / folder / "1:2,S").write_bytes(letter(folder))
    messages = load_mail(tmp_path / "box", OWNER)
    assert sorted(zip(subjects(messages), [message["labelIds"] for message in messages], strict=True)) == [
        (".INBOX.Junk/new", ["SPAM"]),
        (".Sent/cur", ["SENT"]),
        ("cur", ["INBOX"]),
    ]


@pytest.mark.parametrize("name", ["empty.mbox", "folder", "empty.jsonl", "folder-of-other-files"])
def test_a_file_or_folder_without_mail_is_a_sentence_and_never_an_empty_mailbox(tmp_path: Path, name: str) -> None:
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"")
    if name == "folder-of-other-files":
        (tmp_path / name / "Inbox.msf").write_bytes(b"// mork\n")
        (tmp_path / name / "notes").write_bytes(b"Dear diary\n")
    with pytest.raises(LoadError, match=rf"no mail in .*{name}"):
        load_mail(tmp_path / name, OWNER)


def test_a_broken_gzip_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mail.mbox.gz").write_bytes(b"no gzip")
    with pytest.raises(LoadError, match="not a complete gzip file"):
        load_mail(tmp_path / "mail.mbox.gz", OWNER)


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 05 Jan 2026 10:00:00 +0100",
        "Mon, 05 Jan 2026 10:00:00 GMT +0100",
        "Mon, 05 Jan 2026 10:00:00 GMT+0100",
        "Mon, 05 Jan 2026 10:00:00 UTC+01:00",
        "Mon, 05 Jan 2026 10:00:00 +01:00",
        "Mon, 05 Jan 2026 10:00:00 GMT +0100 (CET)",
        "Mon, 05 Jan 2026 09:00:00 GMT",
    ],
)
def test_an_offset_beside_the_name_of_a_zone_counts(tmp_path: Path, date: str) -> None:
    (tmp_path / "mail.eml").write_bytes(letter(Date=date))
    assert load_mail(tmp_path / "mail.eml", OWNER)[0]["internalDate"] == "1767603600000"
