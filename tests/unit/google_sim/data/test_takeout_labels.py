"""Google Takeout's labels, in whatever language Gmail wrote them."""

from email.header import Header
from pathlib import Path

import pytest

from libs.google_sim.loaders import labels as labels_module
from libs.google_sim.loaders import load_mail
from libs.google_sim.loaders.labels import folder_label, gmail_labels

OWNER = "me@home.example"
NAMES = Path(labels_module.__file__).with_name("label_names.txt")
ROWS = [line.split("|") for line in NAMES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_gmails_own_labels_are_known_in_every_language(row: list[str]) -> None:
    for label, names in zip(("INBOX", "SENT", "DRAFT", "SPAM", "TRASH"), row[1:], strict=False):
        for name in names.split("/"):
            assert gmail_labels(Header(name, "utf-8", maxlinelen=1_000).encode()) == [label]
            assert gmail_labels(name.upper() if label == "TRASH" and name.isascii() else name) == [label]


def test_no_name_means_two_labels() -> None:
    meaning: dict[str, int] = {}
    for row in ROWS:
        assert len(row) == 12, row[0]
        for column, names in enumerate(row[1:]):
            for name in filter(None, names.split("/")):
                assert meaning.setdefault(name.casefold(), column) == column, name


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ("Inbox,Opened,Important,Category Promotions", ["INBOX", "IMPORTANT", "CATEGORY_PROMOTIONS"]),
        ("=?UTF-8?Q?Posteingang,Wichtig,Ungelesen,Kategorie:_=22Neuigkeiten=22?=", ["INBOX", "IMPORTANT", "UNREAD", "CATEGORY_UPDATES"]),
        ("=?UTF-8?Q?Archiv=C3=A9s,Envoy=C3=A9?=", ["SENT"]),
        (
            "=?UTF-8?Q?Messages_archiv=C3=A9s,Ouvert,Cat=C3=A9gorie=C2=A0:_E-mails_?=\n"
            ' =?UTF-8?Q?personnels,"Culture,_associations,_=C3=A9v=C3=A9nements"?=',
            ["CATEGORY_PERSONAL", "Label_Culture, associations, événements"],
        ),
        ("=?UTF-8?Q?Odesl=C3=A1no,Nep=C5=99e=C4=8Dten=C3=A9?=", ["SENT", "UNREAD"]),
        ('Kategorie: "Ganz neu",Sent', ["SENT"]),
        ("\\Sent,\\Important,\\Junk,\\Starred", ["SENT", "IMPORTANT", "SPAM", "STARRED"]),
        ("[Gmail]/Papierkorb,[Google Mail]/Spam", ["TRASH", "SPAM"]),
        ("Boîte de réception,Safata d’entrada", ["INBOX"]),
    ],
)  # fmt: skip
def test_takeouts_headers_are_read_as_gmail_meant_them(written: str, labels: list[str]) -> None:
    assert gmail_labels(written) == labels


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ('Inbox,"Friends, old",Work', ["INBOX", "Label_Friends, old", "Label_Work"]),
        ('"Friends, old"', ["Label_Friends, old"]),
        ('"A ""quoted"" name, really",Sent', ['Label_A "quoted" name, really', "SENT"]),
        ('"Never closed,Sent', ['Label_"Never closed', "SENT"]),
        ('5" disks,Sent', ['Label_5" disks', "SENT"]),
        (" , ,Sent,", ["SENT"]),
        ("", []),
    ],
)
def test_a_label_in_quotes_keeps_its_commas(written: str, labels: list[str]) -> None:
    assert gmail_labels(written) == labels


@pytest.mark.parametrize(
    ("folder", "label"),
    [("Sent", "SENT"), ("Gesendete Objekte", "SENT"), ("Junk", "SPAM"), ("Papierkorb", "TRASH"), ("Inbox", ""), ("Sent to Bob", "")],
)  # fmt: skip
def test_a_folder_stands_for_a_label_by_its_whole_name(folder: str, label: str) -> None:
    assert folder_label(folder) == label


def takeout(tmp_path: Path, *messages: tuple[str, str, bool]) -> list[list[str]]:
    """The labels of messages given as (From, X-Gmail-Labels, whether it arrived)."""
    parts = []
    for number, (sender, labels, arrived) in enumerate(messages):
        received = (
            ["Delivered-To: me@home.example", "Received: by mx; Mon, 05 Jan 2026 10:00:00 +0000"] if arrived else []
        )
        encoded = Header(labels, "utf-8", maxlinelen=1_000).encode()
        head = [f"X-Gmail-Labels: {encoded}", *received, f"From: {sender}", f"Subject: {number}", "", "Text", ""]
        parts.append("\n".join(["From 1@xxx Mon Jan 05 10:00:00 +0000 2026", *head]))
    (tmp_path / "takeout.mbox").write_text("\n".join(parts))
    return [message["labelIds"] for message in load_mail(tmp_path / "takeout.mbox", OWNER)]


def test_mail_that_i_wrote_is_sent_mail_in_a_language_that_nobody_knows(tmp_path: Path) -> None:
    labels = takeout(
        tmp_path,
        ("ann@x.org", "Qo'noS,laDlu'", True),
        (OWNER, "ngeHpu',laDlu'", False),
        (OWNER, "ngeHpu',Bo'Degh", False),
        (OWNER, "nab,laDlu'", False),
    )
    assert ["SENT" in carried for carried in labels] == [False, True, True, False]
    assert labels[3][0] == "DRAFT"
    assert "Label_Bo'Degh" in labels[2]


def test_a_copy_of_my_own_mail_that_arrived_is_not_sent_mail_by_itself(tmp_path: Path) -> None:
    assert takeout(tmp_path, (OWNER, "Inbox,Opened", True)) == [["INBOX"]]


def test_a_draft_or_a_chat_of_mine_is_not_sent_mail(tmp_path: Path) -> None:
    assert takeout(tmp_path, (OWNER, "Drafts", False), (OWNER, "Chat", False)) == [["DRAFT"], ["CHAT"]]


def test_spam_and_trash_are_recognized_by_the_file_that_takeout_wrote_them_to(tmp_path: Path) -> None:
    for name, label in (("Spam.mbox", "SPAM"), ("Papierkorb.mbox", "TRASH")):
        (tmp_path / name).write_text(
            "From 1@xxx Mon Jan 05 10:00:00 2026\nX-Gmail-Labels: Qo'noS\nSubject: x\n\nText\n"
        )
        assert load_mail(tmp_path / name, OWNER)[0]["labelIds"] == ["Label_Qo'noS", label]
