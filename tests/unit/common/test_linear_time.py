"""Whatever reads text that others wrote takes time in proportion to it: twice the text, twice the time.

Two tables: `PATTERNS` has every compiled regular expression of the product, `READERS` the functions that read foreign text with them.
Each row names what reads and the texts that are worst for it; the ones of `EVERYWHERE` are tried on each. A new expression is one line.
What an expression takes for 8, 64 and 512 kB is compared: eight times the text may take 24 times as long, where a quadratic one takes
64 times. The processor's time of this thread counts, and what looks bad is measured again, so that a busy machine changes nothing.
"""

import ast
import re
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from libs.common import addresses, birthdays, brief_mark, encoded_words, idempotency, log, log_schema
from libs.common.config import google as google_settings
from libs.common.config import places, traces, values
from libs.common.google import batch, id_token
from libs.common.ids import AccountId, UserId, new_id
from libs.common.requests import TalkingPoint
from libs.common.resources.gmail import GmailMessage
from services.auth.domain import api_tokens
from services.contacts.domain import bcc, identities, identity_evidence, names, observations, waiting
from services.contacts.domain import cards as contact_cards
from services.contacts.domain import text as contact_text
from services.gateway.api import endpoint, moment, parsing
from services.gateway.domain import asked_message, assistant_clients, photos, redirect_uris, sessions
from services.prep.domain import clean, direction
from services.prep.domain.talking_points import fact, phrases, points, sentences
from services.sync.domain import authentication, quotes, why
from services.sync.domain import text as mail_text
from services.sync.domain.mail import Me, Outcome, read
from tests.support.hostile_texts import Text, nested, repeated, unclosed

ROOT = Path(__file__).parents[3]
SIZES = (8_000, 64_000, 512_000)  # characters
MOST_GROWTH = 24.0  # for eight times the text: three times what linear time allows, less than half of quadratic time
NOISE = 0.0005  # seconds: shorter times say nothing
LONGEST = 2.5  # seconds for the largest text, in the first run: 5 µs per character


ME = Me(UserId(new_id()), AccountId(new_id()), frozenset({"me@example.com"}))


EVERYWHERE = (
    repeated(" "),
    repeated("a"),
    repeated("1 "),
    repeated('"'),
    nested("(", ")"),
    unclosed('"', '\\"'),
    unclosed("(", "\\("),
)


class Row(NamedTuple):
    """What reads, and the texts that are worst for it."""

    read: Callable[[Any], object]
    texts: tuple[Text, ...] = ()


def mailboxes(header: str) -> list[str | None]:
    """A header of addresses, as mail is read."""
    return [addresses.canonical(box.address) for box in addresses.parse_list(header)]


def batched(body: str) -> object:
    """The answer to a batch of Gmail requests."""
    return batch.parse('multipart/mixed; boundary="b"', body.encode())


def message(text: str) -> Outcome:
    """A mail that has this text everywhere."""
    names = ("from", "to", "subject", "message-id", "auto-submitted", "authentication-results", "return-path")
    headers = dict.fromkeys(names, (text,))
    return read(GmailMessage("1", "1", 1, frozenset(), 1, "text/plain", headers, text), ME, None, 1)


def verdict(text: str) -> str:
    """Of a header that Gmail wrote, and of one that it did not."""
    return authentication.dmarc_verdict((text, f"mx.google.com; {text}"))


def one_line(text: str) -> str:
    return clean.line(text, 300)


def point(text: str) -> object:
    """A talking point that a model wrote."""
    return points.grounded([TalkingPoint(text=text, evidence=("I1",))], frozenset({"I1"}))


def identity(text: str) -> object:
    """Of every platform that is known, and of those where a number may be the account."""
    return [identities.read_identity(kind, text) for kind in (*identities.PLATFORMS, "whatsapp", "phone", "acme")]


def given_to_the_model(text: str) -> str:
    return clean.for_model(text, 220)


PATTERNS = (
    Row(encoded_words._OPENING.findall, (repeated("=?a?q? "), repeated("=?a?q?"), repeated("=?"), repeated("=?a*"), unclosed("=?", "a*"))),
    Row(encoded_words._CONTROLS.findall, (repeated("\x00"), repeated("\u200b"))),
    Row(encoded_words._STRAY_JOINER.findall, (repeated("\u200d"), repeated("ක\u200d"), repeated("a\u200c"))),
    Row(encoded_words._Q_BYTE.findall, (repeated("="), repeated("=4"), repeated("=41"))),
    Row(addresses._TOKEN.findall, (repeated(","), repeated("a,"), repeated("<>"))),
    Row(addresses._MARK.findall, (repeated("\\"), repeated('\\"'), repeated("()"))),
    Row(addresses._ESCAPED.findall, (repeated("\\"), repeated("\\\\a"))),
    Row(addresses._CONTROLS.findall, (repeated("\x00"), repeated("\u200b"))),
    Row(addresses._LIKE_ADDRESS.findall, (repeated("@"), repeated("@ a"), repeated("a@"), unclosed("@", "a"), unclosed("@", " "))),
    Row(addresses._VANITY.fullmatch, (unclosed("1", "-"), unclosed("1", "a"), repeated("1a"), unclosed("1abc", "1("))),
    Row(addresses._DOMAIN.match, (unclosed("a", "-"), repeated("a-"), unclosed("a", "."))),
    Row(birthdays._WRITTEN.fullmatch, (repeated("1"), repeated("-"), repeated("1985-03-21"))),
    Row(brief_mark._TOKEN.fullmatch),
    Row(contact_cards._DAY.match),
    Row(names._BRACKETED.findall, (repeated("("), repeated("["), repeated("(a"), repeated("[("), unclosed("[", "a"), nested("[", "]"))),
    Row(names._QUALIFIER.findall, (repeated(" |"), repeated(" - "), repeated(" –"))),
    Row(photos._GOOGLES.fullmatch, (repeated("lh3.googleusercontent.com"),)),
    Row(idempotency._KEY.fullmatch),
    Row(google_settings._PUBSUB_NAME.fullmatch, (unclosed("projects/", "a"), repeated("projects/"))),
    Row(values._NO_PART_OF_A_WORD.search, (repeated("a"),)),
    Row(places._HOST_NAME.fullmatch, (repeated("a."), repeated("-"))),
    Row(traces._NAME.fullmatch, (repeated("a"),)),
    Row(traces._VALUE.fullmatch, (repeated(" "),)),
    Row(log._QUERY_ARGUMENT.findall, (repeated("invalid input for query argument $1"), repeated("invalid input for query argument $1: "))),
    Row(log._INPUT_VALUE.findall, (repeated("input_value="), unclosed("input_value=", "x"), repeated("input_value=, "))),
    Row(log._ADDRESS.findall, (repeated("a"), repeated("a@"), repeated("a@b."), repeated("a@b.c"), unclosed("a@b", ".c"))),
    Row(batch._GIVEN_BOUNDARY.findall, (repeated('boundary="'), unclosed('boundary="', "a"), repeated("boundary="))),
    Row(batch._CONTENT_ID.findall, (repeated("content-id: \n"), unclosed("content-id:", " "), repeated("content-id:<response-part-"))),
    Row(batch._STATUS.match, (unclosed("HTTP/1.1 ", "2"), repeated("HTTP/"))),
    Row(id_token._MAX_AGE.findall, (repeated(",max-age="), repeated(" max-age=1"))),
    Row(endpoint._PATH_PARAMETER.findall, (repeated("{"), unclosed("{", "a"), repeated("{a"))),
    Row(sessions._BROWSER_ID.fullmatch),
    Row(sessions._OWN_PATH.fullmatch),
    Row(bcc._HASH.fullmatch),
    Row(clean._URL.findall, (repeated("a"), repeated("http:/"), repeated("http://"), repeated("www"), unclosed("a", "+."))),
    Row(clean._CODE.findall, (repeated("code:"), unclosed("code", " "), repeated("code is "), unclosed("code", "-"), repeated("pin"))),
    Row(clean._DOMAIN.findall, (repeated("a.b"), repeated("a.com"), repeated("a.xn--"), unclosed("a.xn--", "a-"))),
    Row(clean._PATH.findall, (repeated("a."), repeated("a.com/ "), repeated("1."), unclosed("a.b", "-"), repeated("a.com:"))),
    Row(direction._QUOTATION.findall, (repeated("“"), unclosed("“", "a"), unclosed("“", "” "))),
    Row(clean._NUMBER.findall, (repeated("1  "), repeated("1   "), repeated("+1"), repeated("1-"), repeated("1()1"))),
    Row(contact_text._CONTROLS.findall, (repeated("\x00"),)),
    Row(contact_text._WORD.findall, (repeated("_"),)),
    Row(contact_text._UNSPACED.search, (repeated("王"),)),
    Row(contact_text._STRETCH.findall, (repeated("王"), repeated("王a"))),
    Row(contact_text._LETTER.findall, (repeated("\u1100"), repeated("\u1100\u1161\u11a8"), repeated("\u11a8"))),
    Row(waiting._LINK.findall, (repeated("http"), repeated("https://"), repeated("www."), unclosed("www.", "a"))),
    Row(
        waiting._PREFIXES.match,
        (
            repeated(" "), repeated("Re: "), repeated("Re[1]:"), repeated("Re"), unclosed("Re", " "), repeated("[a]"), repeated("[a] Re:"),
            unclosed("[", "a"),
        ),
    ),
    Row(assistant_clients._CHALLENGE.fullmatch),
    Row(assistant_clients._VERIFIER.fullmatch),
    Row(assistant_clients._STATE.fullmatch),
    Row(redirect_uris._URI.fullmatch, (repeated("https://"), unclosed("https://a", "a"))),
    Row(redirect_uris._PLACE.fullmatch, (repeated("a."), repeated(":"))),
    Row(redirect_uris._ANOTHER.search, (repeated("/a"), repeated("http"))),
    Row(asked_message._LABELS.match, (unclosed("message-id", " "), repeated("rfc822msgid:"))),
    Row(asked_message._MESSAGE_ID.fullmatch, (repeated("a"), repeated("@"), repeated("a@"), unclosed("<a@", "a"))),
    Row(asked_message._GMAIL_ID.fullmatch),
    Row(observations._ADDRESS.findall, (repeated("@"), repeated("a@"), repeated("a@ "))),
    Row(identities._SCHEME.match, (repeated("a+"), repeated("://"), unclosed("a", "."))),
    Row(identities._NUMBER.fullmatch, (repeated("1-"), repeated("(1"), unclosed("+1", " "))),
    Row(identities._QUERY.split, (repeated("?"), repeated("#a"))),
    Row(identities._TELEGRAM.fullmatch, (repeated("a_"),)),
    Row(identities._LINKEDIN.fullmatch, (repeated("é-"),)),
    Row(identities._TWITTER.fullmatch, (repeated("a_"),)),
    Row(identities._INSTAGRAM.fullmatch, (repeated("a."),)),
    Row(identities._GITHUB.fullmatch, (repeated("a-"),)),
    Row(identity_evidence._WORD.findall, (repeated("a,"), repeated("<a"))),
    Row(identity_evidence._PHONE.findall, (repeated("+"), repeated("+1"), repeated("+1 ("), unclosed("+1", " "), repeated("+1234567"))),
    Row(why._GMAIL_ID.fullmatch, (repeated("0"),)),
    Row(why._SEARCHABLE.fullmatch, (repeated("<a@b>"),)),
    Row(authentication._VERDICT.match, (unclosed("dmarc", " "), unclosed("dmarc/", "1"), unclosed("dmarc=", "a"))),
    Row(mail_text._RUN.findall, (repeated("\u200b "), repeated("\u200ba"))),
    Row(mail_text._PADDING.findall, (repeated("\u200b"),)),
    Row(mail_text._LONE_INVISIBLE.findall, (repeated("\u200b"),)),
    Row(mail_text._CONTROLS.findall, (repeated("\x00"),)),
    Row(mail_text._SIGNATURE.findall, (repeated("--"), repeated(". -- "), repeated(" --\n"))),
    Row(mail_text._DEVICE.findall, (repeated("Sent from my "), repeated(" Sent from my iPhone"), repeated(" Von meinem Mail"))),
    Row(quotes._WROTE_BY.findall, (repeated("schrieb "), repeated(",schrieb"))),
    Row(quotes._ADDRESS_AT_END.findall, (repeated("<a@b"), repeated("<a@b>"), unclosed("<", "a@"), repeated("<mailto:"))),
    Row(quotes._BROKEN_OFF.findall, (repeated("<a"), unclosed("<", "a"), repeated("< "), repeated("<a> "))),
    Row(quotes._ADDRESS_ANYWHERE.findall, (repeated("<a@b"), repeated("<a@b>"), unclosed("<", "a@"), repeated("<mailto:"))),
    Row(quotes._BARE_AT_END.findall, (repeated("a@"), repeated("a@b "), repeated("'a@b"), unclosed("a@", "b"), repeated(",a"))),
    Row(quotes._ANY_ADDRESS.findall, (repeated("a@"), repeated("<a@b"), repeated("'a@b"), unclosed("<", "a@"), repeated(",a"))),
    Row(quotes._MESSAGE_OF.findall, (repeated("Missatge de "), repeated(" Missatge"))),
    Row(quotes._RULE_AT_END.findall, (repeated("-"), repeated(" ---"), repeated("- "))),
    Row(quotes._RULED.findall, (repeated("-"), repeated("--- On "), repeated("--- On a ---"), unclosed("--- On ", "- "))),
    Row(quotes._WROTE_THEN_DATE.findall, (repeated(" wrote"), repeated("<a@b> wrote"), unclosed(" wrote ", "1"))),
    Row(quotes._YEAR.findall, (repeated("1/1/"), repeated("2023"), repeated("1. "), repeated("1.1. "))),
    Row(quotes._YEAR_FIRST.match, (repeated("年1月"), repeated("-1"))),
    Row(quotes._HOUR.findall, (repeated("1:11"), repeated("+1111"), repeated("AM"))),
    Row(quotes._DAY_BEFORE_YEAR.findall, (repeated("1 jan "), repeated("1. "), repeated("Th 1, "), repeated("1 de "))),
    Row(quotes._TIME.findall, (repeated("1:11"), repeated("1 : "), repeated("1 AM"))),
    Row(quotes._TOKEN_BEFORE.findall, (repeated("a  "), unclosed("a", " "))),
    Row(quotes._COLON.findall, (repeated(":"), repeated("1:1"))),
    Row(quotes._LETTERS.findall),
    Row(quotes._HEADERS.findall, (repeated("From: "), repeated("From: a Sent"), repeated(" Von: a"), unclosed("From:", "a"))),
    Row(quotes._MARKERS.findall, (repeated("-"), repeated(" --Original Message"), repeated("________ "), repeated(" -- Reply message"))),
    Row(quotes._QUOTE_MARK.findall, (repeated("\n>"), repeated(" >"))),
    Row(parsing._INTEGER.fullmatch, (repeated("1"), repeated("-1"))),
    Row(moment._RFC_3339.fullmatch, (unclosed("2026-03-04T12:00:00.", "1"),)),
    Row(api_tokens._HIDDEN.search, (repeated("a "),)),
    Row(log_schema._AT_TIMES.findall, (repeated("at "), repeated("debug "))),
    Row(log_schema._QUOTED.findall, (repeated("`"), repeated("`a"), unclosed("`", "a"))),
    Row(log_schema._NAMES.findall, (repeated("a "), repeated("a"))),
)  # fmt: skip

# Expressions that are not linear by themselves and need not be: what they are given is short.
BOUNDED: tuple[tuple[re.Pattern[Any], str], ...] = (
    *(
        (pattern, "given at most MAX_BODY characters of a text")
        for pattern in (
            phrases.ABBREVIATION,
            phrases.SALUTATION,
            phrases.PLEASANTRY,
            phrases.WANT,
            phrases.NO_WANT,
            phrases.PROMISE,
            phrases.NO_PROMISE,
            phrases.DELIVERY,
            phrases.RECEIPT,
            phrases.ADDRESSED,
            sentences._LINK,
            sentences._NAME,
            sentences._WORD,
        )
    ),
    (fact._REPLY, "given at most MAX_TEXT characters of a title"),
    (addresses._QUOTED, "given at most MAX_ENTRY characters of an entry; parse_list has its worst texts"),
)

READERS = (
    Row(
        mailboxes,
        (
            repeated("=?a?q? "), repeated("=?a?q?"), repeated("(=?a?q? "), unclosed("(", "=?a?q? "), nested("(=?a?q? ", ")"),
            repeated("(=?a?q? )"), unclosed("a@b (", "=?a?q? "),
            repeated("a@b,"), repeated("<a@b>"), repeated("<"), repeated("<>"), nested("<", ">"), repeated('"'), repeated("\\"),
            repeated("a,"), repeated("Ann, "), repeated("@ ,"), repeated("@" + 40 * " "), repeated(".@"), repeated('"a",'), repeated('"a'),
            repeated("(a,"), repeated("<a,"), repeated("<a@b>,"), repeated("x: a,"), repeated("=?a?q?b?=,"), repeated("a\u200d,"),
            repeated(":"), repeated(";"), repeated("@"), repeated("a@ "), repeated("@a."), repeated("a@é.com,"), unclosed("a@", "é"),
            unclosed("a@", "é."), unclosed('"<', '\\"'),
            Text("new domains", lambda size: ",".join(f"a@é{n}.com" for n in range(size // 12))),
        ),
    ),
    Row(addresses.canonical, (unclosed("a@", "é"), unclosed("a@", "é."), unclosed("a@", "a."), repeated("@"), repeated("a@"))),
    Row(addresses.phone_key, (repeated("+"), repeated("(1"), unclosed("1", ";ext="), unclosed("+1", "x1"))),
    Row(encoded_words.decode_words, (
        repeated("=?a?q? "), repeated("=?a?q?"), unclosed("=?a?q?", "?"), nested("=?a?q? ", "?="), repeated("=?a?q?b?="),
        repeated("=?utf-8?q?=C3?= "),
        repeated("=?utf-8?b?5bGx?= "), unclosed("=?a?b?", "="), unclosed("=?a?q?", "=?"),
    )),
    Row(batched, (repeated("\n--b"), repeated("\n--b\r\n\r\n"), repeated("\n--b\r\nContent-ID: <response-part-1>\r\n"), repeated("\r\n"))),
    Row(message, (repeated("=?a?q? "), repeated("(=?a?q? )"), unclosed("mx.google.com;", "("), repeated("mx.google.com;dmarc="))),
    Row(mail_text.plain_subject, (repeated("=?a?q? "), repeated("\u200b"))),
    Row(mail_text.plain_snippet, (
        repeated("&#39;"), repeated("&amp"), repeated("\u200b "), repeated("On 3 May 2023 10:00 a wrote: "), repeated("From: a Sent: "),
        repeated("--"), repeated(" -- "), repeated(">"), repeated("<a@b"), repeated("schrieb "), repeated(":"),
    )),
    Row(mail_text.shortened, (repeated("\u0301"), repeated("\U0001f1e6"), repeated("\u200d"))),
    Row(quotes.without_quotes, (
        repeated("On 3 May 2023 10:00 a wrote: "), repeated("From: a Sent: "), repeated("--"), repeated("\n "), repeated("<a@b "),
        repeated("a@"), repeated("a@b "), repeated("a@b wrote: "), repeated("On "), repeated("--- On "), repeated("- "),
        repeated("---- On 2014 x ---"), repeated("Am 19.02.2014 um 16:11 hat "), repeated("Missatge de "), repeated("del dia 2014 "),
        repeated("19 फ़र॰ "), repeated("skrifaði "), repeated("'a@b"), repeated("On July 19 a@b wrote: > "), repeated("wrote: > "),
        repeated("2014 "), repeated("ने लिखा: "),
        repeated("2023 schrieb a: "), repeated(":"), repeated("1:"), repeated(" wrote:"), unclosed("<", "a"),
    )),
    Row(contact_text.folded, (repeated("\u0301\u0323"), repeated("e\u0301\u0323"), repeated("\ufdfa"), repeated("\u3300"))),
    Row(contact_text.words, (repeated("\u0301\u0323"), repeated("\ufdfa"), repeated("_"))),
    Row(contact_text.key, (repeated("\x00"), repeated("\u0301"))),
    Row(observations.display_name, (repeated("\u0301\u0323"), repeated("1"))),
    Row(identities.undecorated, (repeated("/"), repeated("@"), repeated("https://"))),
    Row(identity, (
        repeated("/"), repeated("@"), repeated("https://"), repeated("t.me/"), repeated("linkedin.com/in/"), repeated("%2F"), repeated("ﷺ"),
        unclosed("a", "+"), repeated("1-"), repeated("\u200b"),
    )),
    Row(verdict, (
        repeated("("), repeated(")"), repeated("()"), nested("(dmarc=pass", ")"), repeated('"dmarc=pass'), repeated(";dmarc=fail"),
        repeated("\\"), repeated("\\("), repeated(";"),
    )),
    Row(why.bare, (repeated("<"), nested("<", ">"), repeated("< "))),
    Row(one_line, (repeated("\u200b"), repeated("\u0301\u0323"))),
    Row(point, (repeated("a.com "), repeated("\u0301\u0323"), repeated("\u200d."))),
    Row(given_to_the_model, (repeated("code: "), repeated("http://"), repeated("1 "), repeated("code:"))),
    Row(clean.safe_url, (unclosed("https://", "["), unclosed("https://a", "@"), unclosed("https://", "a."))),
)  # fmt: skip


def growth(read: Callable[[Any], object], text: Text, sizes: tuple[int, ...] = SIZES) -> str:
    """Where the time grows faster than the text, or is too long; empty where all is well."""
    before = NOISE
    for size in sizes:
        seconds = timed(read, text, size)
        if seconds > LONGEST:
            return f"{text.name} of {size // 1000} kB takes {seconds:.2f} s"
        if (
            size > sizes[0] and seconds > MOST_GROWTH * before
        ):  # again, both: it may have been the machine, which slows down at times
            pairs = [(max(NOISE, timed(read, text, size // 8)), timed(read, text, size)) for _ in range(3)]
            before, seconds = min(pairs, key=lambda pair: pair[1] / pair[0])
            if seconds > MOST_GROWTH * before:
                return f"{text.name} of {size // 1000} kB takes {seconds:.4f} s, an eighth of it {before:.4f} s"
        before = max(NOISE, seconds)
    return ""


def timed(read: Callable[[Any], object], text: Text, size: int) -> float:
    """The seconds of one run, of the processor's time."""
    written = text.make(size)
    began = time.thread_time()
    read(written)
    return time.thread_time() - began


def expression(row: Row) -> re.Pattern[Any]:
    return row.read.__self__  # type: ignore[attr-defined, no-any-return]


# The words of quotations stand in no fixed order in their patterns: what is first in one names a test, not what follows.
@pytest.mark.parametrize("row", PATTERNS, ids=lambda row: expression(row).pattern[:20])
def test_every_expression_takes_time_in_proportion_to_the_text(row: Row) -> None:
    def read(text: str) -> object:
        return row.read(text.encode() if isinstance(expression(row).pattern, bytes) else text)

    assert [found for text in (*row.texts, *EVERYWHERE) if (found := growth(read, text))] == []


@pytest.mark.parametrize("row", READERS, ids=lambda row: row.read.__name__)
def test_every_reader_of_foreign_text_takes_time_in_proportion_to_it(row: Row) -> None:
    assert [found for text in (*row.texts, *EVERYWHERE) if (found := growth(row.read, text))] == []


def test_sixty_messages_with_hostile_headers_are_read_in_a_second() -> None:
    began = time.thread_time()
    for opening in ("=?a?q? ", "a@b (", 'a@b "'):
        for _ in range(20):
            message(opening + ("=?a?q? " * 8_000)[:8_000] + ')"')
    assert time.thread_time() - began < 1


def test_a_message_with_seven_headers_of_32_kb_is_read_in_a_tenth_of_a_second() -> None:
    began = time.thread_time()
    message("a@b (" + ("=?a?q? " * 32_000)[:32_000] + ")")
    assert time.thread_time() - began < 0.1


def test_an_expression_that_reads_everything_again_and_again_is_found_out() -> None:
    until_the_end = re.compile(r"a[^b]*b")
    assert growth(until_the_end.findall, repeated("a"), (1_000, 8_000, 64_000))
    assert not growth(re.compile("a").findall, repeated("a"), (1_000, 8_000, 64_000))


def sources() -> Iterator[Path]:
    for folder in ("libs/common", "services"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_the_table_has_every_expression_of_the_product() -> None:
    listed = {expression(row) for row in PATTERNS} | {pattern for pattern, _ in BOUNDED}
    missing = []
    for source in sources():
        name = ".".join(source.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found = {key: value for key, value in vars(import_module(name)).items() if isinstance(value, re.Pattern)}
        missing += [f"{name}.{key}" for key, value in found.items() if value not in listed]
    assert missing == []
    assert all(reason for _, reason in BOUNDED)


def test_no_expression_hides_from_the_table() -> None:
    """Each is compiled at the top of its module under a name of its own, where the test above finds it."""
    hidden = []
    for source in sources():
        tree = ast.parse(source.read_text())
        named = {id(node.value) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)}
        hidden += [
            f"{source.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and is_of_re(node.func) and id(node) not in named
        ]
    assert hidden == []


def is_of_re(function: ast.expr) -> bool:
    """Whether it is `re.something` that takes an expression."""
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr not in ("escape", "purge")
    )
