"""Where in the text of a mail the quoted mail begins. Pure; in time that is linear in the text.

Gmail's snippet is one line: no line ends tell a quotation from what is said above it. So an introduction ("On Tue, Jan 3, 2023 at
5:00 PM Jane Doe <jane@x.org> wrote:") is found from its colon backwards and needs evidence that nobody writes in passing: a full
date with the year, and a time of day, an address, a weekday, or a quotation mark behind the colon.
"""

import re
from collections.abc import Iterable
from itertools import islice, takewhile

from services.sync.domain.reply_words import REPLY_WORDS, ReplyWords

_REACH = 260  # characters that an introduction takes at most
_MAX_COLONS = 60
_LONGEST_PERSON = 80
_LONGEST_OPENING = 20


def _words(field: str) -> frozenset[str]:
    every = "|".join(getattr(words, field) for words in REPLY_WORDS.values())
    return frozenset(word for word in every.split("|") if word)


def _any_of(words: Iterable[str]) -> str:
    """The longest first: of `napisał` and `napisał(a)` the whole one counts."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LEADS = frozenset(word for lead in _words("lead") for word in lead.split())
_DAYS = frozenset(day.casefold() for day in _words("days"))
# "on", "am", … in the middle of a sentence; "pe" is a Finnish Friday besides.
_PROSE = frozenset(lead.lower() for lead in _LEADS if lead != lead.lower()) - _DAYS
_MONTHS = frozenset({
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "january", "february", "march", "april",
    "june", "july", "august", "september", "october", "november", "december",
})  # fmt: skip
_WROTE = tuple(_words("wrote"))
_VERBS_BEFORE_PERSON = tuple(_words("wrote_by"))
_WROTE_BY = re.compile(rf"(?:^|(?<=[\s,]))(?:{_any_of(_words('wrote_by'))})(?=\s)")
# Words in small letters that belong to a name or to what surrounds it.
_PARTICLES = frozenset({
    "von", "van", "der", "den", "de", "del", "della", "di", "da", "do", "dos", "du", "la", "le", "el", "al", "bin", "ibn", "of", "via",
    "from", "от", "odesílatel", "osoba", "oseba", "hat", "heeft", "het", "volgende",
    "tarihinde", "keltezéssel", "χρήστης",
})  # fmt: skip

_ADDRESS = r"(?:mailto:)?[^\s<>()@:]{1,64}@[^\s<>()@:]{1,190}"
_BRACKETED = rf"[<(\[]\s?{_ADDRESS}\s?[>)\]]{{1,2}}"
_BARE = rf"(?<![^\s\"'<(\[,]){_ADDRESS}"
_ADDRESS_AT_END = re.compile(rf"{_BRACKETED}\s?$")
_BARE_AT_END = re.compile(rf"{_BARE}\s?$")
_BROKEN_OFF = re.compile(r"[<(]\s?[^\s<>()]{0,80}[>)]?\s?$")
_ADDRESS_ANYWHERE = re.compile(_BRACKETED)
_ANY_ADDRESS = re.compile(rf"{_BRACKETED}|{_BARE}")
_WROTE_THEN_DATE = re.compile(
    rf"(?:({_BRACKETED})[\s,]{{0,3}}|\s)(?P<verb>{_any_of(_words('wrote') | _words('dated'))})\s?\(?[^<>\n]{{8,80}}$"
)
_MESSAGE_OF = re.compile(rf"(?:^|(?<=\s))(?:{_any_of(_words('message_of'))})\s$")
_YEAR = re.compile(r"(?<![\d.:+-])(?:\d{1,2}[./-]\s?\d{1,2}[./-]\s?(?:\d{4}|\d{2})|[12١٢۱۲]\d{3})(?![\d:])")
_YEAR_FIRST = re.compile(r"\s?[년年./-]\s?\d{1,2}\s?[월月./-]")
_HOUR = re.compile(r"\d{1,2}[:.h]\d{2}(?::\d{2})?|[AP]M|[+-]?\d{4}")
_WORD = r"[^\W\d][^\s\d.,:;<>()]{0,14}"  # of a date: with the marks of Indic scripts, and as in "26 d'ag. 2026"
_DAY_BEFORE_YEAR = re.compile(
    r"(?:Th \d, )?\d{1,2} thg \d{1,2}, $|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|º|ª)?(?:[\s.,]{{1,3}}{_WORD}[\s.,'’׳]{{0,3}}){{0,3}}[\s.,]{{1,3}}(?:de )?$"
)
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.h時时]\s?\d{2}(?!\d)|(?<!\d)\d{1,2} ?[AaPp]\.?[Mm]\b")
_TOKEN_BEFORE = re.compile(r"(\S{1,40})\s*$")
_LETTERS = re.compile(r"[^\W\d]+")
_COLON = re.compile(r"[:：](?!(?<=\d[:：])\d)")  # none of a time of day
_TRAILING = " >|\n\t"
_LONGEST_RULE = 40
_RULE_AT_END = re.compile(r"(?:^|(?<=\s))[-–—]{3,40}$")
_SENTENCE_END = tuple(".!?…:;。！？)")

_LABEL_END = r"\s?\*?\s?[:：]\*?"


def _header_block(words: ReplyWords) -> str:
    """`From: … Sent: …` in one language; where the second label is a mere "Date", with an address or recipients besides."""
    return (
        rf"(?:{_any_of(words.sender.split('|'))}){_LABEL_END}[^\n]{{1,200}}?"
        rf"(?<=\s)\*?(?:{_any_of(words.sent.split('|'))}){_LABEL_END}"
    )


_HEADERS = re.compile(
    rf"(?:^|(?<=[\s>*_]))\*?(?:{'|'.join(_header_block(words) for words in REPLY_WORDS.values() if words.sender and words.sent)})"
)
_MARKERS = re.compile(
    rf"(?:^|(?<=\s))[-=_–—]{{2,40}}\s?(?:{_any_of(_words('marker'))})(?:\s?[-=_–—:]{{1,40}}|\s*$)"
    r"|(?:^|(?<=\s))_{8,}\s*(?=\*?[^\W\d][^\n:：]{0,15}[:：])"
    r"|(?:^|(?<=\s))(?:Begin forwarded message|Anfang der weitergeleiteten Nachricht|Début du message (?:réexpédié|transféré)"
    r"|Inicio del mensaje reenviado|Inizio messaggio inoltrato)\s?:"
)
# Zoho: "---- On Wed, 19 Feb 2014 16:11:05 +0100 Jane Doe <jane@x.org> wrote ----", in several languages.
_RULED = re.compile(
    rf"(?:^|(?<=\s))[-–—]{{3,40}}\s?(?:{_any_of(_words('lead'))})\s(?P<inside>[^\n]{{8,{_REACH}}}?)\s?[-–—]{{3,40}}(?=\s|$)"
)
_MARKER_SIGNS = ("--", "==", "__", "–", "—", "essa", "ensaje", "achricht")  # one of them is in every marker
_QUOTE_MARK = re.compile(r"(?:^|(?<=\n))\s?>")


def without_quotes(text: str) -> str:
    """What stands above the quoted mail; the text itself where nothing in it is quoted."""
    starts = (_mark(text), _marker(text), _ruled(text), _headers(text), _introduction(text))
    found = [start for start in starts if start is not None]
    if not found:
        return text
    above = text[: min(found)].rstrip(_TRAILING)
    rule = _RULE_AT_END.search(above, max(0, len(above) - _LONGEST_RULE))
    return above[: rule.start()].rstrip(_TRAILING) if rule else above


def _mark(text: str) -> int | None:
    found = _QUOTE_MARK.search(text) if ">" in text else None
    return found.start() if found else None


def _marker(text: str) -> int | None:
    found = _MARKERS.search(text) if any(sign in text for sign in _MARKER_SIGNS) else None
    return found.start() if found else None


def _ruled(text: str) -> int | None:
    """An introduction between two rules, which has a verb or an address beside its date."""
    for found in islice(_RULED.finditer(text), _MAX_COLONS) if "---" in text or "———" in text or "–––" in text else ():
        inside = found["inside"]
        if _YEAR.search(inside) and ("@" in inside or inside.endswith(_WROTE + _VERBS_BEFORE_PERSON)):
            return found.start()
    return None


def _headers(text: str) -> int | None:
    """A block of at least two header lines.

    What only looks like one ("From: here Date: tomorrow, I think …") has neither address nor date, and goes on.
    """
    if text.count(":") + text.count("：") < 2:
        return None
    for found in islice(_HEADERS.finditer(text), _MAX_COLONS):
        behind = text[found.start() : found.end() + _REACH]
        if "@" in behind or _YEAR.search(behind) or _TIME.search(behind) or len(text) - found.end() < 40:
            return found.start()
    return None


def _introduction(text: str) -> int | None:
    """The earliest introduction of a reply that ends with a colon, or with the end of the text inside its address."""
    for colon in islice(_COLON.finditer(text), _MAX_COLONS):
        if (start := _introduced(text, colon.start())) is not None:
            return start
    if text.rfind("<") > len(text) - 80 and (open_end := _BROKEN_OFF.search(text)):
        floor, end = max(0, open_end.start() - _REACH), open_end.start()
        start = _person_after_verb(text, floor, end, certain=True)
        return start if start is not None else _dated(text, floor, end, certain=False)
    return None


def _introduced(text: str, colon: int) -> int | None:
    """Where the introduction begins that this colon ends; None where it ends none."""
    floor = max(0, colon - _REACH)
    before = text[floor:colon].rstrip()
    quoting = text[colon + 1 : colon + 4].lstrip().startswith((">", "|"))
    if before.endswith(_WROTE):
        verb = floor + len(before) - max(len(word) for word in _WROTE if before.endswith(word))
        return _by_verb(text, floor, verb, quoting)
    if before.endswith((">", ")", "]")) and (address := _ADDRESS_AT_END.search(before)):
        start = _person_after_verb(text, floor, floor + len(before), certain=True)
        return start if start is not None else _dated(text, floor, floor + address.start(), certain=False)
    if before[-1:].isdigit() or before.endswith((")", ".")):
        found = _WROTE_THEN_DATE.search(before) if _YEAR.search(before) else None
        if found and (found[1] or quoting) and _YEAR.search(before, found.end("verb")):
            start = _name_start(text, floor + found.start())
            opening = _MESSAGE_OF.search(text, max(0, start - _LONGEST_OPENING), start)
            return opening.start() if opening else start
    return _person_after_verb(text, floor, floor + len(before), certain=quoting)


def _by_verb(text: str, floor: int, verb: int, quoting: bool) -> int | None:
    """`<date> <person> wrote:`, `<person> <date> wrote:` or `Jane Doe <jane@x.org> wrote:`."""
    address = _ADDRESS_AT_END.search(text[floor:verb])
    start = _dated(text, floor, verb, certain=address is not None, quoting=quoting)
    if start is not None:
        return start
    if address:
        return _name_start(text, floor + address.start())
    if quoting:
        bare = _BARE_AT_END.search(text, floor, verb)
        name = bare.start() if bare else _name_start(text, verb)
        return _lead_start(text, floor, name) if name < len(text[:verb].rstrip()) else None
    return None


def _lead_start(text: str, floor: int, person: int) -> int:
    """Where "On July 19, " before this person begins, which needs no year where a quotation mark follows; else the person."""
    start = person
    while token := _TOKEN_BEFORE.search(text, max(floor, start - 44), start):
        word, start = token[1].rstrip(".,:"), token.start(1)
        if word in _LEADS:
            return start
        if word.casefold() not in _MONTHS | _DAYS and not word.isdigit() and not _HOUR.fullmatch(word):
            break
    return person


def _person_after_verb(text: str, floor: int, end: int, *, certain: bool) -> int | None:
    """`<date> schrieb <person>:`"""
    if not any(text.find(verb, floor, end) >= 0 for verb in _VERBS_BEFORE_PERSON):
        return None
    for verb in reversed(list(_WROTE_BY.finditer(text, floor, end))):
        person = text[verb.end() : end]
        if len(person) <= 160 and _is_name(_ANY_ADDRESS.sub("", person)):
            return _dated(text, floor, verb.start(), certain=certain or "@" in person)
    return None


def _dated(text: str, floor: int, end: int, *, certain: bool, quoting: bool = False) -> int | None:
    """Where a date with its lead begins, after which nothing but a person stands before `end`.

    `certain`: needs no more evidence than the year. `quoting`: a quotation mark follows, so that anybody may be named in any way.
    """
    years = list(_YEAR.finditer(text, floor, end))
    for year in reversed(years):
        written = text[year.start() : end]
        time = _TIME.search(written, year.end() - year.start())
        early = _TIME.search(text, max(floor, year.start() - 30), year.start())  # "17:00, 3 Jan 2023"
        address = _ADDRESS_ANYWHERE.search(written)
        start, names_day, prose = _date_start(text, floor, year, quoting)
        if prose:
            return None
        tail = written[time.end() if time else year.end() - year.start() :]
        named = _is_name(_ANY_ADDRESS.sub("", tail)) or (quoting and len(tail) <= _LONGEST_PERSON)
        with_person = _with_person(text, floor, start)
        if (time or early or names_day or certain or quoting) and (address or named or with_person < start):
            return with_person
    return None


def _date_start(text: str, floor: int, year: re.Match[str], quoting: bool) -> tuple[int, bool, bool]:
    """Where the date of this year begins, whether it names a weekday, and whether it stands in the middle of a sentence."""
    start = year.start()
    day_first = len(year[0]) == 4 and not _YEAR_FIRST.match(text, year.end())
    if day_first and (day := _DAY_BEFORE_YEAR.search(text, max(floor, start - 40), start)):
        start = day.start()
    names_day = _day_begins(text, year.end(), year.end() + 16)
    while token := _TOKEN_BEFORE.search(text, max(floor, start - 44), start):
        word = token[1].strip("(*_>\"'-‐").rstrip(".,،:;־-")
        if word in ("dem", "den"):  # "Dienstag, dem 03.01.2023"
            start = token.start(1)
            continue
        if word in _LEADS:
            start = token.start(1)
            if word in ("giorno", "dniu", "dia", "tanggal", "data", "تاریخ"):
                continue
            return start, names_day, False
        if word in _PROSE and not quoting:
            return start, names_day, True
        if word.casefold() in _DAYS:
            names_day = True
        elif word.casefold() not in _MONTHS and word not in _PROSE and not _HOUR.fullmatch(word):
            break
        start = token.start(1)
    return start, names_day, False


def _day_begins(text: str, begin: int, end: int) -> bool:
    """Whether a weekday begins between the two. A word counts as a whole: "Doe" begins with no German Thursday."""
    words = takewhile(lambda found: found.start() < end, _LETTERS.finditer(text, begin))
    return any(found[0].casefold() in _DAYS for found in words)


def _with_person(text: str, floor: int, start: int) -> int:
    """`Jane Doe <jane@x.org> 于2023年…写道：`: the person may stand before the date."""
    before = text[floor:start].rstrip(" ,")
    address = _ADDRESS_AT_END.search(before)
    return _name_start(text, floor + address.start()) if address else start


def _name_start(text: str, end: int) -> int:
    """Where the name that ends here begins: what is in quotes, or two words with a capital, initials besides."""
    name = text[max(0, end - 80) : end].rstrip()
    if name.endswith(('"', "'")) and (opening := name.rfind(name[-1], 0, -1)) >= 0:
        return max(0, end - 80) + opening
    start, words = end, 0
    while words < 2 and (token := _TOKEN_BEFORE.search(text, max(0, start - 44), start)):
        word = token[1]
        if not _is_name(word) or (word.endswith(_SENTENCE_END) and (len(word) > 3 or (words and len(word) > 2))):
            break
        start, words = token.start(1), words + (word.casefold() not in _PARTICLES and len(word.rstrip(".")) > 1)
    return start


def _is_name(text: str) -> bool:
    """Whether these words may be nothing but a name: few, none in small letters but what belongs to names and dates."""
    words = [word.strip("\"'.,()[]*،、，") for word in text.split()]
    spoken = [word for word in words if word and word not in _PARTICLES and word.casefold() not in _DAYS]
    return len(spoken) <= 7 and not any(_is_small(word) for word in spoken)


def _is_small(word: str) -> bool:
    """A word in small letters of a script that has capitals; not a zone, an hour or an abbreviation (`Uhr`, `г`, `p.m`)."""
    return (
        word[0].islower() and len(word) > 2 and not word.startswith(("p.m", "a.m", "μ.μ", "π.μ", "kl", "godz", "ore"))
    )
