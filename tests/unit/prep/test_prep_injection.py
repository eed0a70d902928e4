"""Whatever others write, in whichever place: nothing of it is executed, nothing leaves, and the mail stays one mail."""

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from re import findall, fullmatch
from typing import cast

import html5lib
import pytest

from libs.common.ids import ContactId, new_id
from libs.common.requests import Colleague, FormerWork, GroupMeeting, TalkingPoint
from services.prep.domain.clean import has_link
from services.prep.domain.dossier import Dossier, collect
from services.prep.domain.mail import compose
from services.prep.domain.prompt import given, prompt
from services.prep.domain.talking_points.points import MAX_POINT, fact_points, grounded
from services.prep.domain.view import view
from services.prep.rendering import render
from tests.support.injections import INJECTIONS, SECRET
from tests.support.meetings import ME, NOW, guest, interaction, known, meeting, unknown

BASE_URL = "https://crm.example"
HARMLESS = "Plain words"
TOKEN = "pcrmabcdefgh23456777abcd"
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "div", "p", "h1", "h2", "strong", "span", "ul", "li", "a",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "style", "id", "dir", "href"}
JOINERS = "\u200c\u200d"


def dossier_with(words: str) -> Dossier:
    """A meeting of which others wrote everything that they can, and of a friend, of a stranger, and of an open question."""
    asked = interaction(f"{words} — {words}?", 2, to_me=True, open=True, thread="t", people_total=2)
    mails = (
        asked,
        interaction(words, 3, title=words, platform="x" + words),
        interaction(words, 30, platform="calendar", direction="mutual", title=words),
        interaction(words, 4, platform="note", kind="note", direction="mutual", title=""),
    )
    friend = known(
        name=words, company=f"Now {words}", title=words, bios=dict.fromkeys(("twitter", "linkedin", "telegram"), words), last=mails,
        former_work=FormerWork(company="Former", title="Former", changed_at=NOW), birthday=words,
    )  # fmt: skip
    colleague = Colleague(contact_id=ContactId(new_id()), name=words, last_contact_at=NOW)
    stranger = unknown("other@elsewhere.example").model_copy(update={"colleagues": (colleague,), "name": words})
    people = [(guest("ada@lovelace.example", words), friend), (guest("other@elsewhere.example", words), stranger)]
    event = meeting(title=words, place=words, video_url=words, time_zone=words, calendar_time_zone=words)
    return collect(event, people, "", GroupMeeting(title=words, starts_at=NOW))


@cache
def brief_with(words: str) -> tuple[str, str, str]:
    """(subject, html, text). With the points of the facts, and with what a model made of these words."""
    dossier = dossier_with(words)
    offered = [TalkingPoint(text=words, evidence=("I1", words)), TalkingPoint(text=f"Ask: {words}", evidence=("B1",))]
    points = (*grounded(offered, given(dossier).labels), *fact_points(dossier, NOW))
    shown = view(dossier, points, "A note.", NOW, base_url=BASE_URL, token=TOKEN)
    return shown.subject, *render(shown)


@dataclass(frozen=True)
class Read:
    """What a browser makes of a page, in which it has to find no mistake: its elements, and the values of each attribute."""

    elements: set[str]
    values: dict[str, set[str]]
    sheet: str


@cache
def read(html: str) -> Read:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    found = Read(set(), defaultdict(set), html.split("<style>")[1].split("</style>")[0])
    for element in parser.parse(html).iter():
        assert isinstance(element.tag, str), "a comment"
        found.elements.add(element.tag)
        for name, value in element.attrib.items():
            found.values[name].add(value)
    assert parser.errors == []
    return found


def every(cases: dict[str, str] = dict(INJECTIONS)) -> pytest.MarkDecorator:  # noqa: B006
    return pytest.mark.parametrize("words", cases.values(), ids=cases.keys())


def test_there_are_enough_of_them() -> None:
    assert len(set(INJECTIONS.values())) >= 60


@every()
def test_the_html_has_nothing_but_what_the_template_has(words: str) -> None:
    _, html, _ = brief_with(words)
    found, harmless = read(html), read(brief_with(HARMLESS)[1])
    assert found.elements <= ELEMENTS
    assert set(found.values) <= ATTRIBUTES
    assert found.values["style"] <= harmless.values["style"]
    assert found.values["class"] <= harmless.values["class"]
    assert found.values["dir"] <= {"ltr", "rtl"}
    assert found.sheet == harmless.sheet
    assert all(fullmatch(r"[IB]\d+", label) for label in found.values["id"])
    for link in found.values["href"]:
        assert link.startswith((f"{BASE_URL}/meetings/", f"{BASE_URL}/settings#")) or fullmatch(r"#[IB]\d+", link)
    assert len(html.encode()) < 100_000


@every()
def test_the_mail_is_one_mail_to_me_alone_with_the_headers_of_a_brief(words: str) -> None:
    title, html, text = brief_with(words)
    raw = compose(ME, title, html, text, TOKEN)
    message = cast(EmailMessage, message_from_bytes(raw, policy=default))
    assert list(message.keys()) == [
        "From", "To", "Subject", "Auto-Submitted", "X-PingCRM-Prep", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert (message["From"], message["To"], message["X-PingCRM-Prep"]) == (ME, ME, TOKEN)
    assert message["Subject"].strip().startswith("Meeting prep: ")
    assert message["Subject"].endswith(" in 35 minutes")
    plain, shown = message.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(shown, EmailMessage)
    assert (plain.get_content_type(), shown.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().splitlines() == text.splitlines()
    assert shown.get_content().splitlines() == html.splitlines()
    assert not message.defects
    assert all(len(row) <= 998 and b"\r" not in row and b"\n" not in row for row in raw.split(b"\r\n"))
    assert len(raw) < 200_000


@every()
def test_the_text_has_the_lines_of_a_brief_and_nothing_that_is_not_seen(words: str) -> None:
    _, html, text = brief_with(words)
    _, _, harmless = brief_with(HARMLESS)
    for face in (html, text):
        unseen = {character for character in face if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")}
        assert unseen <= {"\n", *JOINERS}
    headings = [row for row in text.splitlines() if row in ("GUESTS", "TALKING POINTS")]
    assert headings == ["GUESTS", "TALKING POINTS"]
    assert findall(r"(?m)^Brief reference .*", text) == [f"Brief reference {TOKEN}"]
    assert _rows_but_points(text) == _rows_but_points(harmless)


def _rows_but_points(text: str) -> int:
    """Of points there may be fewer: what two mails have in common is a point once."""
    return sum(not row.startswith("- ") for row in text.splitlines())


@every()
def test_what_the_model_is_given_has_one_fence_and_the_labels_that_were_given(words: str) -> None:
    asked, harmless = prompt(given(dossier_with(words)), NOW), prompt(given(dossier_with(HARMLESS)), NOW)
    rows = asked.splitlines()
    assert len(rows) == len(harmless.splitlines())
    assert (asked.count("<"), asked.count(">")) == (2, 2)
    assert (rows[2], rows[-1]) == ("<data>", "</data>")
    assert _beginnings(asked) == _beginnings(harmless)
    assert len(asked) < 15_000
    for private in ("https://", "evil.example/", "evil-bank.com/", SECRET, "1234567", "998877", "ada@lovelace.example"):
        assert private not in asked


def _beginnings(asked: str) -> list[str]:
    """What each row is, before what others wrote."""
    return findall(r"(?m)^(?:[IB]\d+ \(|Guest \d+:|Title:|Before that:|<|Today)", asked)


@every()
def test_what_the_model_writes_is_a_line_without_links_or_is_dropped(words: str) -> None:
    for point in grounded([TalkingPoint(text=words, evidence=("I1",))], frozenset({"I1"})):
        assert not has_link(point.text)
        assert len(point.text) <= MAX_POINT
        assert len(point.text.splitlines()) == 1
        assert point.evidence == ("I1",)


@every()
def test_points_from_the_facts_carry_no_link_of_others(words: str) -> None:
    for point in fact_points(dossier_with(words), NOW):
        assert "://" not in point.text
        assert len(point.text) <= MAX_POINT
