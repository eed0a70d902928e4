"""How much of a brief is shown: what matters first, less of each where they are many, and never more than a mail program shows."""

from datetime import timedelta

import html5lib
import pytest

from libs.common.requests import TalkingPoint
from services.gateway.domain.brief_scheme import IN_THE_DARK, in_scheme
from services.prep.domain.direction import direction, pieces
from services.prep.domain.dossier import Dossier, collect
from services.prep.domain.extent import LISTED_GUESTS, extents, shown
from services.prep.domain.mail import compose
from services.prep.domain.rules import MAX_GUESTS
from services.prep.domain.talking_points.fact import listed
from services.prep.domain.view import View, view
from services.prep.rendering import render
from tests.support.meetings import ME, NOW, guest, interaction, known, meeting, score, unknown
from tests.support.sample_briefs import eight_guests, first_meeting, twenty_guests

BASE_URL = "https://crm.example"


def viewed(dossier: Dossier, *points: TalkingPoint) -> View:
    return view(dossier, points, "A note.", NOW, base_url=BASE_URL, token="pcrmtoken")


def everybody_writes(words: str, guests: int) -> Dossier:
    """As much as others can write, in every place."""
    mails = tuple(interaction(words, n, title=words, platform="x" + words) for n in range(1, 11))
    bios = dict.fromkeys(("twitter", "linkedin", "telegram"), words)
    people = [
        (guest(f"{'g' * 200}{number}@x.example", words, answer="needsAction"),
         known(f"{'g' * 200}{number}@x.example", words, company=words, title=words, bios=bios, last=mails))
        for number in range(guests)
    ]  # fmt: skip
    url = "https://meet.example/" + "x" * 1_900
    return collect(meeting(title=words, place=words, video_url=url), people)


@pytest.mark.parametrize("guests", [1, 3, 8, MAX_GUESTS])
@pytest.mark.parametrize("letter", ["a ", "&", '"', "<", "午", "🚀", "אב ", "\u0301a"])
def test_whatever_others_write_gmail_shows_the_whole_mail(letter: str, guests: int) -> None:
    points = [TalkingPoint(text=letter * 320, evidence=("I1", "I2", "I3", "B1"))] * 5
    shown_view = viewed(everybody_writes(letter * 5_000, guests), *points)
    html, text = render(shown_view)
    assert len(html.encode()) < 75_000
    assert "Brief reference pcrmtoken" in html
    raw = compose(ME, shown_view.subject, html, text, "pcrmtoken")
    _, _, encoded = raw.partition(b"Content-Type: text/html")
    assert len(encoded) < 102_000, "Gmail cuts it off"


def test_the_last_extent_has_no_history_but_what_a_point_rests_on() -> None:
    brief = viewed(twenty_guests(), TalkingPoint(text="Ask.", evidence=("I58", "I2")))
    least = shown(brief, extents(20)[-1])
    assert [past.label for person in least.histories for past in person.interactions] == ["I2", "I58"]


@pytest.mark.parametrize(("guests", "named", "more"), [(1, 1, 0), (8, 8, 0), (9, 7, 2), (20, 7, 13)])
def test_a_long_list_of_guests_is_cut_and_names_the_others(guests: int, named: int, more: int) -> None:
    people = [(guest(f"g{n}@x.example"), known(f"g{n}@x.example", f"Guest {n}.")) for n in range(guests)]
    brief = viewed(collect(meeting(), people))
    parts = shown(brief, extents(guests)[0])
    assert (len(parts.guests), len(parts.more)) == (named, more)
    for face in render(brief):
        assert (f"and {more} more: " in face) is (more > 0)
        assert all(f"Guest {n}." in face for n in range(guests))


def test_who_matters_comes_first_and_who_declined_last() -> None:
    people = [
        (guest("a@x.example", answer="declined"), known("a@x.example", "A", score=score(9))),
        (guest("b@x.example"), unknown("b@x.example")),
        (guest("c@x.example"), known("c@x.example", "C", score=score(4))),
        (guest("d@x.example"), known("d@x.example", "D", score=score(8))),
        (guest("e@x.example", answer="needsAction"), known("e@x.example", "E", score=score(8))),
    ]
    assert [person.name for person in collect(meeting(), people).people] == ["D", "E", "C", "b@x.example", "A"]


def test_of_few_guests_five_interactions_are_shown_and_of_many_three() -> None:
    mails = tuple(interaction(f"Mail {n}.", n) for n in range(1, 8))
    for guests, most in ((1, 5), (3, 5), (4, 3), (8, 3)):
        people = [(guest(f"g{n}@x.example"), known(f"g{n}@x.example", last=mails)) for n in range(guests)]
        parts = shown(viewed(collect(meeting(), people)), extents(guests)[0])
        assert [len(person.interactions) for person in parts.histories] == [most] * guests


def test_what_a_point_rests_on_is_shown_though_it_is_not_among_the_first() -> None:
    brief = viewed(twenty_guests(), TalkingPoint(text="Ask.", evidence=("I58",)))
    for face in render(brief):
        assert f"and {20 - LISTED_GUESTS + 1} more" in face
        assert "left out here" in face
    html, _ = render(brief)
    assert 'href="#I58"' in html
    assert 'id="I58"' in html
    assert 'id="I59"' not in html


def test_eight_guests_are_a_mail_of_three_screens_with_the_points_on_the_first() -> None:
    """In lines of a phone, where some 50 characters fit."""
    _, text = render(viewed(eight_guests(), TalkingPoint(text="Priya waits for a yes or a no.", evidence=("I1",))))
    before = text[: text.index("TALKING POINTS")]
    assert _lines_on_a_phone(before) <= 28
    assert _lines_on_a_phone(text) <= 105


def _lines_on_a_phone(text: str) -> int:
    return sum(1 + len(row) // 50 for row in text.splitlines())


def test_beside_the_subject_stands_who_it_is_and_what_comes_first() -> None:
    html, _ = render(viewed(first_meeting(), TalkingPoint(text="Ask for the samples.", evidence=("I1",))))
    assert "Amara Okafor. Ask for the samples." in html.split("<h1")[0]


def test_hidden_guests_are_not_kept_quiet() -> None:
    people = [(guest("ada@lovelace.example"), known())]
    for hidden in (True, False):
        for face in render(viewed(collect(meeting(guests_hidden=hidden), people))):
            assert ("Google does not show who else is invited." in face) is hidden


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C", "D"], "A, B, C and D"),
     (["A", "B", "C", "D", "E"], "A, B, C and 2 more"), (list("ABCDEFGHIJ"), "A, B, C and 7 more")],
)  # fmt: skip
def test_long_lists_of_names_are_cut(names: list[str], text: str) -> None:
    assert listed(names) == text


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("Plain words", "ltr"), ("", "ltr"), ("10:30", "ltr"), ("דוד כהן", "rtl"), ("ليلى حداد", "rtl"), ("Über 会議", "ltr"),
        ("דוד כהן has not answered the invitation.", "ltr"), ("פגישת תקציב עם Tamar", "rtl"), ("“האם נוכל לאשר?”", "rtl"),
        ("דוד asked: “האם נוכל לאשר את התקציב עד יום ג׳?” No answer is on record.", "ltr"),
    ],
)  # fmt: skip
def test_a_text_is_read_the_way_of_most_of_its_letters(text: str, way: str) -> None:
    assert direction(text) == way


def test_a_quotation_is_read_its_own_way() -> None:
    assert pieces("A asked: “האם?” None.") == ["A asked: ", "“האם?”", " None."]
    assert pieces("Nothing quoted") == ["Nothing quoted"]
    people = [(guest("ada@lovelace.example"), known(last=(interaction("שלום — האם נוכל לאשר?", 2),)))]
    html, _ = render(
        viewed(collect(meeting(), people), TalkingPoint(text="Ada asked: “האם נוכל?” Yes.", evidence=("I1",)))
    )
    assert '<span dir="rtl">“האם נוכל?”</span><span dir="ltr"> Yes.</span>' in html
    assert '<span class="entry-text" dir="rtl"' in html


def test_somebody_last_met_long_ago_is_shown_with_the_day() -> None:
    ada = known(last_contact_at=NOW - timedelta(days=90))
    for face in render(viewed(collect(meeting(), [(guest("ada@lovelace.example"), ada)]))):
        assert "last contact 26 Aug 2026 (3 months ago)" in face


def test_a_brief_needs_no_style_sheet_but_for_the_dark() -> None:
    """What mail programs keep of a style sheet differs: everything else stands at the elements."""
    html, _ = render(viewed(eight_guests(), TalkingPoint(text="Ask.", evidence=("I1",))))
    body = html5lib.HTMLParser(namespaceHTMLElements=False).parse(html).find("body")
    assert body is not None
    assert [element.attrib for element in body.iter() if "class" in element.attrib and not element.get("style")] == []
    sheet = html.split("<style>")[1].split("</style>")[0].strip()
    assert sheet.startswith(IN_THE_DARK)
    assert sheet.count("@") == 1
    assert "url(" not in html
    for scheme in ("light", "dark"):
        assert "prefers-color-scheme" not in in_scheme(html, scheme)  # type: ignore[arg-type]
