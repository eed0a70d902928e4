"""The email: headers, HTML and text, and hostile words in every place where others can put some."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import Unprocessable
from libs.common.requests import TalkingPoint
from services.prep.domain.clean import line, safe_url
from services.prep.domain.dossier import collect
from services.prep.domain.mail import compose, subject
from services.prep.domain.prompt import given as given_to_model
from services.prep.domain.talking_points.points import grounded
from services.prep.domain.view import view
from services.prep.rendering import render
from tests.support.meetings import ME, NOW, guest, interaction, invited, known, meeting, unknown
from tests.support.strategies import hostile_forms

BASE_URL = "https://crm.example"
NASTY = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a\r\nBcc: everybody@evil.example", "=?utf-8?q?x=0AX-Evil:_1?=",
    "{{ 7 * 7 }}", "javascript:alert(1)", "\u202egnp.exe", "\ud800", "\x00\x1b[31m",
    "' onmouseover='x", "</style></p><a href=//evil.example>",
)  # fmt: skip
hostile = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=300),
    hostile_forms(),
    st.builds("".join, st.lists(st.sampled_from(NASTY), max_size=4)),
)
ALLOWED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "div", "p", "h1", "h2", "ul", "li", "a", "span", "strong",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a browser would see of a page: tags, links, ids, handlers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]


def render_brief(words: str, url: str = "") -> tuple[str, str, str]:
    """(subject, html, text) of a brief in which others wrote `words` wherever they can."""
    people = (
        (
            guest("ada@lovelace.example", words),
            known(name=words, company=words, title=words, bios=dict.fromkeys(("twitter", "linkedin", "telegram"), words),
                  last=(interaction(words, 2, title=words), interaction(words, 3, platform="x" + words))),
        ),
        (guest("other@elsewhere.example", words), unknown()),
    )  # fmt: skip
    dossier = collect(meeting(title=words, place=url or words, video_url=url or words, time_zone=words), people)
    points = grounded([TalkingPoint(text=words, evidence=("I1", words))], given_to_model(dossier).labels)
    title = subject(dossier.title, 35)
    return title, *render(view(dossier, points, "Not written by AI.", NOW, base_url=BASE_URL, token="pcrmtoken"))


def read(raw: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(raw, policy=default))


@settings(max_examples=150, deadline=None)
@given(words=hostile)
def test_nothing_that_others_wrote_becomes_html(words: str) -> None:
    _, html, _ = render_brief(words)
    page = Reader(html)
    assert page.tags <= ALLOWED_TAGS
    assert not {name for name in page.attributes if name.startswith("on")}
    assert all(link.startswith((BASE_URL, "#", "http://", "https://")) for link in page.links)
    assert "src" not in page.attributes
    assert "@import" not in html.split("</style>")[0]


@settings(max_examples=150, deadline=None)
@given(words=hostile)
def test_nothing_that_others_wrote_becomes_a_header(words: str) -> None:
    title, html, text = render_brief(words)
    raw = compose(ME, title, html, text, "pcrmtoken")
    message = read(raw)
    assert set(message.keys()) == {
        "From", "To", "Subject", "Auto-Submitted", "X-PingCRM-Prep", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert (message["From"], message["To"]) == (ME, ME)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert all(len(row) <= 998 for row in raw.split(b"\r\n"))


def test_the_email_declares_what_it_is_and_carries_its_token_twice() -> None:
    title, html, text = render_brief("Plain words")
    message = read(compose(ME, title, html, text, "pcrmtoken"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-PingCRM-Prep"] == "pcrmtoken"
    assert message["Subject"] == "Meeting prep: Plain words in 35 minutes"
    for part in message.iter_parts():
        assert "Brief reference pcrmtoken" in part.get_content()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "title", ["Übergabe 🚀 – Q4", "四半期レビュー" * 10, "a" * 300, "x" * 90 + " ü " + "y" * 20, "=?utf-8?q?no?="]
)
def test_subjects_in_any_script_survive(title: str) -> None:
    message = read(compose(ME, subject(title, 35), "<p>x</p>", "x", "t"))
    assert "".join(message["Subject"].split()) == "".join(subject(title, 35).split())


def test_an_account_address_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(Unprocessable):
        compose("me@x.example\r\nBcc: y@z.example", "s", "<p>x</p>", "x", "t")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://meet.google.com/abc-defg-hij", True), ("http://intranet/room", True), ("javascript:alert(1)", False),
        ("data:text/html,<b>x</b>", False), ("//evil.example", False), ("https://", False), ("https://a b.example", False),
        ("https://google.com@evil.example/", False), ("https://[", False), ("Room 4", False), ("", False),
    ],
)  # fmt: skip
def test_only_plain_http_links_are_linked(url: str, kept: bool) -> None:
    assert bool(safe_url(url)) == kept


def test_the_brief_shows_everything_that_was_promised() -> None:
    people = [(guest("ada@lovelace.example"), known()), (guest("stranger@elsewhere.example", "A. Stranger"), unknown())]
    event = meeting(place="Room 4", video_url="https://meet.example/abc")
    dossier = collect(event, people)
    shown = render(
        view(dossier, (TalkingPoint(text="Ask.", evidence=("I1",)),), "A note.", NOW, base_url=BASE_URL, token="t")
    )
    for rendered in shown:
        for words in (
            "Pricing review", "15:00–15:45 (Europe/Berlin)", "45 minutes", "Room 4", "https://meet.example/abc", "Ada Lovelace",
            "Head of Research", "Analytical Engines", "Strong", "8", "accepted", "22 Nov 2026", "LinkedIn", "weave algebraic",
            "Email", "they wrote", "you wrote", "A. Stranger", "no history", "Ask.", "A note.",
            f"{BASE_URL}/meetings/{event.meeting_id}", f"{BASE_URL}/settings#briefs",
        ):  # fmt: skip
            assert words in rendered, words


def test_a_stranger_among_known_people_has_no_history_and_no_score() -> None:
    """Also where the invitation has made them a contact."""
    people = [(guest("ada@lovelace.example"), known()), (guest("stranger@elsewhere.example"), invited())]
    dossier = collect(meeting(), people)
    for face in render(view(dossier, (), "", NOW, base_url=BASE_URL, token="t")):
        assert face.count("no history") == 1
        assert "A. Stranger" in face
        assert "Cold" not in face
        assert "0/10" not in face


@given(text=st.text(max_size=400), limit=st.integers(2, 50))
def test_a_line_is_one_line_that_fits(text: str, limit: int) -> None:
    shown = line(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    shown.encode()
