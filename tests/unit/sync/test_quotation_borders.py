"""Which evidence an introduction or a block of headers needs, where it begins, and how far it is looked for: each rule by itself."""

import pytest

from services.sync.domain.quotes import without_quotes

JANE = "Jane Doe <jane@x.org>"
DATED = "On 3.1.2023 17:00, Jane Doe wrote:"


@pytest.mark.parametrize(
    "time",
    ["5 PM", "5 pm", "5PM", "5 AM", "5am", "5 a.m", "5 P.M", "17h00", "17:00", "17.00", "17 : 00", "17時00", "17时00"],
)
def test_a_time_of_day_is_evidence_of_an_introduction(time: str) -> None:
    assert without_quotes(f"Yes! On 3.1.2023 {time}, Jane Doe wrote: hi") == "Yes!"
    assert without_quotes(f"Yes! On {time} 3.1.2023, Jane Doe wrote: hi").startswith("Yes!")
    assert "wrote" not in without_quotes(f"Yes! On {time} 3.1.2023, Jane Doe wrote: hi")


@pytest.mark.parametrize(
    "introduction",
    [
        # evidence: a weekday, before or behind the date
        "On Tue 3.1.2023, Jane Doe wrote:", "On 3.1.2023 Tue, Jane Doe wrote:", "On 3.1.2023 Ann Bell Cide Tue wrote:",
        # an address, in brackets or not, before or behind the verb
        f"On 3.1.2023, {JANE} wrote:", "Am 3. Januar 2023 schrieb jane@x.org:", f"Am 3. Januar 2023 schrieb {JANE}:",
        "Am 3. Januar 2023 schrieb Jane Doe <jane@x", f"{JANE} 3.1.2023 17:00 wrote:", "On 3.1.2023 17:00, Jane Doe <jane@x",
        # a quotation mark
        "Am 3. Januar 2023 schrieb Jane Doe: > hallo", "On 3.1.2023, some people wrote: > hi", "On July 19, Jane Doe wrote:> hi",
        "on 3.1.2023 17:00, Jane Doe wrote: > hi", "On 3.1.2023, some people wrote: | hi",
        # the verb before the date
        f"{JANE} wrote on 3.1.2023 at 5:", f"{JANE} wrote (3.1.2023 17:00):", f"{JANE}, wrote 3.1.2023 г.:",
        f"Missatge de {JANE} del dia 3.1.2023:",
        # an hour before the date
        "On 17h00 Tue 3.1.2023, Jane Doe wrote:", "On 17:00:05 +0100 Tue 3.1.2023, Jane Doe wrote:",
        "On 05:00 PM Tue 3.1.2023, Jane Doe wrote:", "On 1700 3.1.2023, Jane Doe wrote: > hi",
        # names
        f"{JANE} wrote:", '"Doe, Jane Marie" <jane@x.org> wrote:', "'Doe, Jane Marie' <jane@x.org> wrote:",
        "J. Doe <jane@x.org> wrote:", "Jane FELIX <jane@x.org> wrote:", "Jane (jane@x.org) wrote:", "Jane [jane@x.org] wrote:",
        "Jane Doe <mailto:jane@x.org> wrote:", "Jane Doe < jane@x.org > wrote:",
        # rules, at least three dashes
        "---- On 3.1.2023 17:00 Jane Doe wrote ----", "——— On 3.1.2023 17:00 Jane Doe wrote ———",
        "––– On 3.1.2023 17:00 Jane Doe wrote –––", "---- On 3.1.2023 17:00 jane@x.org ----", f"--- {DATED}", f"> --- {DATED}",
        # the next year of the text belongs to the quotation
        f"{DATED} Back in 2024", f"{DATED} On 5.5.2024 18:00, Ann Bell wrote:",
        # forms of a date
        "On 3. Januar 2023 17:00, Jane Doe wrote:", "On 3rd January 2023 17:00, Jane Doe wrote:",
        "On 1st of May, 2023 17:00, Jane Doe wrote:",
        "On 2nd May 2023 17:00, Jane Doe wrote:", "On 4th May 2023 17:00, Jane Doe wrote:", "On 3/1/23 17:00, Jane Doe wrote:",
        "On 3-1-2023 17:00, Jane Doe wrote:", "On 3. 1. 2023 17:00, Jane Doe wrote:", "On 2023-01-03 17:00, Jane Doe wrote:",
        "On 2023/1/3 17:00, Jane Doe wrote:", "On 2023. 1. 3. 17:00, Jane Doe wrote:", "On 1er mai 2023 17:00, Jane Doe wrote:",
        "On 3º maio de 2023 17:00, Jane Doe wrote:",
        "On 3ª maio de 2023 17:00, Jane Doe wrote:", "On ١٢٣٤ 17:00, Jane Doe wrote:",
        "Am Dienstag, dem 3.1.2023, 17:00 schrieb Jane Doe:", "Am Dienstag, den 3.1.2023, 17:00 schrieb Jane Doe:",
        'On "Tue" 3.1.2023 17:00, Jane Doe wrote:',
    ],
)  # fmt: skip
def test_each_evidence_is_enough_with_and_without_something_above(introduction: str) -> None:
    for ending in ("", " hi"):
        text = introduction if introduction.endswith(("<jane@x", "----", "———", "–––")) else introduction + ending
        assert without_quotes(text) == ""
        assert without_quotes(f"Call MAX. {text}") == "Call MAX."


@pytest.mark.parametrize(
    "prose",
    [
        "On 3.1.2023, Jane Doe wrote: hi", "On 3.1.2023, Jane Doe <jane@x", "On 3.1.2023 Ann Bell Cidex Tue wrote: hi",
        "I met her on 3.1.2023 17:00, Jane wrote: see you",
        "Ask Jane Doe <jane@x.org> for room 5 on 3.1.2023: it is fine", "She ghostwrote: > a book",
        "Am 3. Januar 2023 schrieb Jane Doe: hallo",
        "On Tue at 17:00, Jane Doe wrote: hi",
        "Jane Doe wrote on 3.1.2023 at 5: hi", "On 3.1.2023 17:00, jane and all the others wrote: hi",
        "--- On 3.1.2023 17:00 we met at last ---", "--- On Tuesday Jane Doe wrote ---",
        "-- On 3.1.2023 17:00 Jane Doe wrote --",
        "On 3.1.2023 17:00, Aa Bb Cc Dd Ee Ff Gg Hh wrote: hi", "Jane Doe <jane@x.org> 3.1.2023", "17:00 at 3.1.2023",
        "Call 2023:15, Jane Doe wrote: hi",
    ],
)  # fmt: skip
def test_less_is_prose(prose: str) -> None:
    assert without_quotes(prose) == prose


@pytest.mark.parametrize(
    ("text", "above"),
    [
        ("Thanks. <jane@x.org> wrote: hi", "Thanks."),
        ("Yes. J. Doe <jane@x.org> wrote: hi", "Yes."),
        ("Ok. Doe <jane@x.org> wrote: hi", "Ok."),
        ("See Bo Li <jane@x.org> wrote: hi", "See"),
        ("Dear Ann Jane Doe <jane@x.org> wrote: hi", "Dear Ann"),
        ("it was about Doe <jane@x.org> wrote: hi", "it was about"),
        ("Fine On 3.1.2023 17:00, Aa Bb Cc Dd Ee Ff Gg wrote: hi", "Fine"),
        ("Fine, on time On 3.1.2023 17:00, Jane Doe wrote: hi", "Fine, on time"),
        ("Fine | > On 3.1.2023 17:00, Jane Doe wrote: hi", "Fine"),
        ("Hi > --- On 3.1.2023 17:00, Jane Doe wrote: hi", "Hi"),
        ("Call MAX On 3.1.2023 17:00, Jane Doe wrote: hi", "Call MAX"),
        ("Hi -- On 3.1.2023 17:00, Jane Doe wrote: hi", "Hi --"),
        ("one\n> two", "one"),
        ("> two", ""),
        ("one\n >two", "one"),
        ("one >two", "one >two"),
        ("a\nOn 3.1.2023 17:00, Jane Doe wrote:\n> b", "a"),
    ],
)
def test_where_a_quotation_begins(text: str, above: str) -> None:
    assert without_quotes(text) == above


@pytest.mark.parametrize(
    ("text", "fits", "beyond"),
    [
        ("Yes. On 3.1.2023 17:00 {} wrote: > hi", 78, 79),  # what stands for a person
        ("Yes. Am 3.1.2023 17:00 schrieb A{}:", 158, 159),
        ("Yes. On 3.1.2023 17:00, Jane Doe <{}", 78, 79),  # an address that the snippet breaks off
    ],
)
def test_how_long_parts_of_an_introduction_may_be(text: str, fits: int, beyond: int) -> None:
    assert without_quotes(text.format("j" * fits)) == "Yes."
    assert without_quotes(text.format("j" * beyond)) == text.format("j" * beyond)


def test_an_introduction_is_looked_for_behind_so_many_colons() -> None:
    for colons, found in ((59, True), (60, False)):
        text = f"{'x: ' * colons}{DATED} hi"
        assert without_quotes(text) == (("x: " * colons).rstrip() if found else text)


def test_headers_are_looked_for_so_many_times() -> None:
    above = "z " * 150
    for blocks, found in ((59, True), (60, False)):
        odd = "From: x Date: y " * blocks + above
        text = f"{odd}From: jane@x.org Sent: Tuesday, and so on for a line or two of words"
        assert without_quotes(text) == (odd.rstrip() if found else text)


@pytest.mark.parametrize(
    ("headers", "quoted"),
    [
        ("From: jane@x.org Date: soon, and a long explanation of it all follows here", True),
        ("From: Jane Date: 3.1.2023, and a long explanation of it all follows here", True),
        ("From: Jane Date: 17:00, and a long explanation of it all follows here", True),
        ("From: Jane Date: soon, and a long explanation of it all follows here", False),
        ("From: Jane Date:" + "x" * 39, True),
        ("From: Jane Date:" + "x" * 40, False),
        ("From：Jane Date：soon", True),
        ("*From:* Jane *Sent:* soon", True),
        ("From : Jane Sent : soon", True),
        ("From: Jane", False),
        ("From:" + "x" * 199 + " Date: soon", True),
        ("From:" + "x" * 200 + " Date: soon", False),
    ],
)
def test_a_block_of_headers_needs_an_address_a_date_a_time_or_the_end_of_the_text(headers: str, quoted: bool) -> None:
    for above in ("", "Hello, this is a long opening. "):
        assert without_quotes(above + headers) == (above.rstrip() if quoted else above + headers)


@pytest.mark.parametrize(
    "mark",
    [
        "Begin forwarded message: x", "Anfang der weitergeleiteten Nachricht: x", "Début du message réexpédié : x",
        "Début du message transféré : x", "Inicio del mensaje reenviado: x", "Inizio messaggio inoltrato: x",
        "________ From: me", "--Original Message--", "== Original Message ==", "__Original Message__", "–– Original Message ––",
        "—— Original Message ——", "-- Original Message", "-- Original Message:",
        "-- 原始邮件 --", "== 原始邮件 ==", "__ 原始邮件 __", "–– 原始邮件 ––", "—— 原始邮件 ——",
    ],
)  # fmt: skip
def test_each_mark_begins_a_quotation(mark: str) -> None:
    assert without_quotes(f"Yes. {mark}") == "Yes."
    assert without_quotes(mark) == ""


@pytest.mark.parametrize(
    "text", ["- Original Message -", "x--Original Message--", "_______ From: me", "-- Original Message from me"]
)
def test_what_is_shorter_or_goes_on_is_no_mark(text: str) -> None:
    assert without_quotes(f"Yes. {text}") == f"Yes. {text}"
