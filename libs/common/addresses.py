"""Email addresses and phone numbers: parsing header values, the canonical form, what is *me*. Pure; docs/rules.md has the rules."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

import idna
import phonenumbers

from libs.common.encoded_words import decode_words
from libs.common.noreply import NO_REPLY

MAX_ADDRESS = 254
MAX_HEADER = 200_000
MAX_ENTRY = 2_000
MAX_NAME = 300
MAX_NAME_PARTS = 20  # parted by commas: "Lee, Ann, MD, PhD"
MAX_REMEMBERED = 200  # characters: what is longer is rarely met again
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_DOMAIN = re.compile(r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$")
_BOUNCERS = frozenset({"mailer-daemon", "postmaster"})


class Mailbox(NamedTuple):
    """One address of a header: the display name (decoded) and the address as it was written."""

    name: str
    address: str


def canonical(address: str) -> str | None:
    """The form in which addresses are compared; None where it is not an address.

    What is longer than an address can be is read all the same (it may have spaces around it), but never remembered.
    """
    return _remembered_form(address) if len(address) <= MAX_ADDRESS else _form(address)


def _form(address: str) -> str | None:
    text = _tight(address).strip("<>").strip().strip("\"'")
    local, at, domain = text.rpartition("@")
    local = local.strip("\"'")
    if not at or not local or "@" in local or any(character.isspace() for character in local):
        return None
    domain = _ascii_domain(domain.strip().rstrip("."))
    if not domain:
        return None
    local = local.lower()
    if domain in _GMAIL:
        domain = "gmail.com"
        local = local.partition("+")[0].replace(".", "")
        if not local:
            return None
    whole = f"{local}@{domain}"
    return whole if len(whole) <= MAX_ADDRESS else None


_remembered_form = lru_cache(maxsize=65_536)(_form)


def _ascii_domain(domain: str) -> str:
    """Lower case, A-label form; empty where it is no domain. What is too long for one is not encoded, which would take long."""
    if len(domain) > MAX_ADDRESS:
        return ""
    lowered = domain.lower()
    if not lowered.isascii():
        try:
            lowered = idna.encode(lowered, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return ""
    return lowered if _DOMAIN.match(lowered) and ".." not in lowered else ""


def without_tag(address: str) -> str:
    """`local+tag@domain` → `local@domain`, for a canonical address."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def tag_of(address: str) -> str:
    """The `+tag` of an address as it was written, in lower case; empty without one."""
    local, _, _ = address.strip().strip("<>").rpartition("@")
    return local.partition("+")[2].strip("\"'").lower()


def is_me(address: str, mine: Collection[str]) -> bool:
    """Whether a canonical address is one of `mine` (canonical), as it is or without its tag."""
    return address in mine or without_tag(address) in mine


def is_robot(address: str) -> bool:
    """Whether the local part of a canonical address says that nobody reads the answers (`noreply@…`, `nao-responda@…`)."""
    local = _plain_local(address.rpartition("@")[0])
    return local.startswith(_NO_REPLY) or local.endswith(_NO_REPLY)


def is_bouncer(address: str) -> bool:
    """Whether the local part is that of a mail system (`mailer-daemon@…`)."""
    return address.rpartition("@")[0].lower() in _BOUNCERS


def _plain_local(local: str) -> str:
    """A local part without its tag, separators and accents, in lower case."""
    plain = local.partition("+")[0].lower().replace(".", "").replace("_", "").replace("-", "")
    if plain.isascii():
        return plain
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.category(c).startswith("M"))


_NO_REPLY = tuple(dict.fromkeys(_plain_local(phrase) for phrases in NO_REPLY.values() for phrase in phrases.split()))


def parse_list(header: str) -> list[Mailbox]:
    """The mailboxes of a From, To, Cc … value: names decoded, groups flattened, linear time, never raises.

    The list is split before anything is decoded, so that a comma inside an encoded name splits nothing. What real mail gets wrong
    is read as a person would: a quote or a comment that is never closed does not swallow the rest, spaces around `@` are
    dropped, of a source route (`<@relay:ann@x.io>`) the end counts, and a comma that should have been quoted
    (`Acme, Inc. <a@x.io>`) belongs to the name.
    """
    return list(_remembered(header) if len(header) <= MAX_REMEMBERED else _mailboxes(header))


def _mailboxes(header: str) -> tuple[Mailbox, ...]:
    boxes: list[Mailbox] = []
    begun: list[_Entry] = []  # words before commas: perhaps the beginning of the next name
    for entry in _entries(header[:MAX_HEADER]):
        if _begins_name(entry):
            begun.append(entry)
            continue
        box = _mailbox(entry)
        if begun and _continues_name(entry, box):
            names = [*(_name(part.text[-MAX_ENTRY:]) for part in begun[-MAX_NAME_PARTS:]), box.name]
            boxes.append(Mailbox(", ".join(filter(None, names))[:MAX_NAME], box.address))
        else:
            boxes += [*map(_mailbox, begun), box]
        begun = []
    return tuple(box for box in [*boxes, *map(_mailbox, begun)] if box.address)


_remembered = lru_cache(maxsize=8_192)(_mailboxes)  # the same few people write and are written to again and again


_TOKEN = re.compile(r'[^"(),;:<>]+|.', re.DOTALL)
_MARK = re.compile(r'\\.|["()]', re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LIKE_ADDRESS = re.compile(r"[<>]|[^\s@]@[^\s@]|@\s*[^\s@.]+\.[^\s@]")
_ESCAPED = re.compile(r"\\(.)")


class _Entry(NamedTuple):
    """One comma-separated piece: its text without comments, and the comments. `comma`: it ends with one. `first`: of a group."""

    text: str
    comments: str
    comma: bool
    first: bool


def _entries(header: str) -> list[_Entry]:
    """Cut at commas and semicolons outside quotes, comments and source routes; the names of groups are dropped."""
    closing = _closing_marks(header)
    entries: list[_Entry] = []
    text: list[str] = []
    comments: list[str] = []
    bracket: int | None = None  # where in `text` the open angle bracket stands
    first = False
    position = 0
    while token := _TOKEN.match(header, position):
        piece = token[0]
        if (end := closing.get(position)) is not None:
            (text if piece == '"' else comments).append(header[position : end + 1])
            position = end + 1
            continue
        position = token.end()
        if piece == "<" and bracket is None:
            bracket = len(text)
            text.append(piece)
        elif piece == ">":
            if bracket is not None:
                text.append(piece)
            bracket = None
        elif piece in (",", ";") and (bracket is None or not "".join(text[bracket + 1 : bracket + 2]).startswith("@")):
            if text:
                entries.append(_Entry("".join(text), " ".join(comments), piece == ",", first))
            text, comments, bracket, first = [], [], None, False
        elif piece == ":" and bracket is None:
            text, comments, first = [], [], True  # the name of a group
        elif piece not in ('"', "("):  # one that is never closed means nothing
            text.append(piece)
    entries.append(_Entry("".join(text), " ".join(comments), comma=False, first=first))
    return entries


def _closing_marks(header: str) -> dict[int, int]:
    """Where each quote and each outermost comment that is closed begins and ends."""
    closing: dict[int, int] = {}
    open_comments: list[int] = []
    quote: int | None = None
    for found in _MARK.finditer(header):
        mark, position = found[0], found.start()
        if mark[0] == "\\":
            if quote is not None or open_comments:
                continue  # it escapes the next character
            mark, position = mark[1:], position + 1
        if quote is not None:
            if mark == '"':
                closing[quote] = position
                quote = None
        elif mark == "(":
            open_comments.append(position)
        elif mark == ")" and open_comments:
            closing[open_comments.pop()] = position
        elif mark == '"' and not open_comments:
            quote = position
    if quote is not None and '"' not in header[quote + 1 :]:  # never closed: read on as if it were not there
        later = _closing_marks(header[quote + 1 :])
        closing.update({quote + 1 + begin: quote + 1 + end for begin, end in later.items()})
    return closing


def _begins_name(entry: _Entry) -> bool:
    """Whether a piece before a comma has words and no address: "Ann Lee" of `Ann Lee, PhD <a@x.io>`. "Ann @ Acme" is none."""
    text = entry.text[-MAX_ENTRY:]
    return entry.comma and not text.isspace() and not _LIKE_ADDRESS.search(text)


def _continues_name(entry: _Entry, box: Mailbox) -> bool:
    """Whether the name of this mailbox may begin before the comma: it is in brackets, and its own name not in quotes."""
    return bool(box.address) and "<" in entry.text and not entry.first and not entry.text.lstrip().startswith('"')


def _tight(address: str) -> str:
    """Control and zero-width characters removed, and white space around `@` and around the dots of the domain.

    By splitting: a pattern that begins with a run of spaces takes quadratic time on a long one.
    """
    local, at, domain = "@".join(part.strip() for part in _CONTROLS.sub("", address).split("@")).rpartition("@")
    return f"{local}{at}{'.'.join(part.strip() for part in domain.split('.'))}"


def _mailbox(entry: _Entry) -> Mailbox:
    """One `Name <address>`, `address (Name)` or bare address."""
    before, begin = "", 0
    text = entry.text[-MAX_ENTRY:]  # of a name that goes on for pages its end is enough
    comment = entry.comments[:MAX_ENTRY].strip("() ")
    # Brackets in quotes are part of a name: who calls himself "Ann <ann@x.io>" is not Ann.
    bare = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)
    while (left := bare.find("<", begin)) >= 0:
        before += text[begin:left]
        right = bare.find(">", left)
        right = right if right >= 0 else len(text)
        inside, begin = text[left + 1 : right], right + 1
        if "@" in inside:
            return Mailbox(_name(before) or _name(comment), _tight(inside.rpartition(":")[2].lstrip("<")))
    words = [] if "<" in bare else [word for word in _tight(text).split() if "@" in word]
    if (
        len(words) != 1 or words[0].count('"') % 2
    ):  # of `"jane doe"@x.io` the part behind the space is somebody else's address
        return Mailbox("", "")
    return Mailbox(_name(comment), words[0])


def _name(text: str) -> str:
    stripped = text.strip()
    if len(stripped) >= 2 and stripped[0] == stripped[-1] == '"':
        stripped = _ESCAPED.sub(r"\1", stripped[1:-1])
    return decode_words(stripped).strip("\"' ")[:MAX_NAME]


# "1-800-FLOWERS": letters behind too few digits for a whole number, to be dialled as the digits on their keys.
_VANITY = re.compile(r"[+(]?\d[\d\s().\-/]*[A-Za-z]{3}[A-Za-z\d\s().\-/]*")
_MAX_VANITY_DIGITS = 6


def phone_key(shown: str, region: str | None = None) -> str:
    """How phones are compared: E.164 where the country is known, else the digits (with a leading `+` kept); empty without digits.

    An extension makes it another phone: `+12125550100;ext=5`.
    """
    return _remembered_phone(shown, region) if len(shown) <= MAX_REMEMBERED else _phone(shown, region)


def _phone(shown: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(shown, region)
        if phonenumbers.is_possible_number(number):
            whole = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return f"{whole};ext={number.extension}" if number.extension else str(whole)
    except phonenumbers.NumberParseException:
        pass  # written without its country, or no phone number at all: compared by its digits
    dialled = shown.strip()
    if _VANITY.fullmatch(dialled) and sum(map(str.isdigit, dialled)) <= _MAX_VANITY_DIGITS:
        dialled = phonenumbers.convert_alpha_characters_in_number(dialled)
    digits = "".join(character for character in dialled if character.isdigit())
    return ("+" if dialled.startswith("+") and digits else "") + digits


_remembered_phone = lru_cache(maxsize=8_192)(_phone)
