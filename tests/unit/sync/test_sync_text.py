"""The text of a message: plain, short, whole characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.domain.text import MAX_LENGTH, plain_snippet, plain_subject, shortened
from tests.support.strategies import hostile_forms


@pytest.mark.parametrize(
    ("snippet", "plain"),
    [
        ("Hello &amp; welcome, it&#39;s me", "Hello & welcome, it's me"),
        ("&amp;lt;b&amp;gt; once only", "&lt;b&gt; once only"),
        ("See you \u200c \u200c \u200c \u034f \u00ad", "See you"),
        ("A\u200bB\ufeff C\x00D", "AB CD"),
        ("می\u200cخواهم 👩\u200d👩\u200d👧", "می\u200cخواهم 👩\u200d👩\u200d👧"),
        ("Yes. On Tue, Jan 3, 2023 at 5:00 PM Jane Doe <jane@x.org> wrote: > Are you in?", "Yes."),
        ("Ja! Am 3. Januar 2023 um 17:00 schrieb Jane <j@x.org>: Bist du dabei?", "Ja!"),
        ("Oui Le mar. 3 janv. 2023 à 17:00, Jane <j@x.org> a écrit : Tu viens ?", "Oui"),
        ("Sí El mar, 3 ene 2023 a las 17:00, Jane (<j@x.org>) escribió: ¿Vienes?", "Sí"),
        ("Sì Il giorno 3 gen 2023 Jane <j@x.org> ha scritto: Vieni?", "Sì"),
        ("Sim Em ter., 3 de jan. de 2023 às 17:00, Jane <j@x.org> escreveu: Vem?", "Sim"),
        ("Ja Op di 3 jan 2023 om 17:00 schreef Jane <j@x.org>: Kom je?", "Ja"),
        ("Fine -----Original Message----- From: Jane Sent: Tuesday", "Fine"),
        ("Gut. Von: Jane Doe Gesendet: Dienstag, 3. Januar An: Maya", "Gut."),
        ("Thanks From: Jane <j@x.org> Sent: Tuesday To: Maya Subject: Hi", "Thanks"),
        ("Merci De : Jane Envoyé : mardi À : Maya", "Merci"),
        ("Line one\n> quoted\n> more", "Line one"),
        ("See you. -- Jane Doe Head of Sales", "See you."),
        ("I think -- although not sure -- yes", "I think -- although not sure -- yes"),
        ("On Monday I wrote: three reasons", "On Monday I wrote: three reasons"),
        ("He said on the phone that he wrote: nothing", "He said on the phone that he wrote: nothing"),
        ("From: here to there", "From: here to there"),
        ("", ""),
    ],
)
def test_a_snippet_is_what_its_author_wrote(snippet: str, plain: str) -> None:
    assert plain_snippet(snippet) == plain


@pytest.mark.parametrize(
    ("subject", "plain"),
    [("=?utf-8?q?Caf=C3=A9?=", "Café"), ("  a\r\n b ", "a b"), ("=?x-nonsense?B?!!!?=", None), ("NUL\x00in it", None)],
)
def test_a_subject_is_decoded(subject: str, plain: str | None) -> None:
    assert plain_subject(subject) == (plain_subject(subject) if plain is None else plain)
    assert "\x00" not in plain_subject(subject)


@pytest.mark.parametrize(
    "character", ["e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "🇸🇪", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f", "क्ष"]
)
def test_nothing_is_cut_inside_a_character(character: str) -> None:
    for before in range(MAX_LENGTH - 8, MAX_LENGTH + 1):
        cut = shortened("x" * before + character + "tail")
        assert len(cut) <= MAX_LENGTH
        rest = cut[before:]
        assert rest in ("", *((character + "tail")[: len(character) + more] for more in range(5)))


@given(st.text(max_size=2_000) | hostile_forms(2_000))
def test_text_is_short_and_can_be_stored_whatever_comes(hostile: str) -> None:
    for text in (plain_snippet(hostile), plain_subject(hostile)):
        assert len(text) <= MAX_LENGTH
        assert "\x00" not in text
        text.encode("utf-8")
        assert not any(unicodedata.category(character) == "Cs" for character in text)


def test_hostile_text_costs_little_time() -> None:
    for piece in ("On 1 ", "From: ", "> ", "-- ", "\u200b ", "Am 1 schrieb ", "_" * 8, "1 пишет "):
        plain_snippet(piece * 4_000)
