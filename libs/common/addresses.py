"""Email addresses and phone numbers: parsing header values, the canonical form, what is *me*. Pure; docs/rules.md has the rules."""

import re
from collections.abc import Collection
from email.errors import MessageError
from email.header import decode_header
from functools import lru_cache
from typing import NamedTuple

import idna
import phonenumbers

MAX_ADDRESS = 254
MAX_HEADER = 200_000
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_DOMAIN = re.compile(r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$")
_ROBOT_STARTS = ("noreply", "donotreply", "dontreply", "nepasrepondre", "nichtantworten")
_BOUNCERS = frozenset({"mailer-daemon", "postmaster"})


class Mailbox(NamedTuple):
    """One address of a header: the display name (decoded) and the address as it was written."""

    name: str
    address: str


@lru_cache(maxsize=65_536)
def canonical(address: str) -> str | None:
    """The form in which addresses are compared; None where it is not an address."""
    text = _tight(_CONTROLS.sub("", address)).strip("<>").strip().strip("\"'")
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


def _ascii_domain(domain: str) -> str:
    """Lower case, A-label form; empty where it is no domain."""
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
    """Whether the local part says that nobody reads the answers (`noreply@…`)."""
    local = _bare_local(address)
    return local.startswith(_ROBOT_STARTS) or local.endswith("noreply")


def is_bouncer(address: str) -> bool:
    """Whether the local part is that of a mail system (`mailer-daemon@…`)."""
    return address.rpartition("@")[0].lower() in _BOUNCERS


def _bare_local(address: str) -> str:
    local = address.rpartition("@")[0].partition("+")[0].lower()
    return local.replace(".", "").replace("_", "").replace("-", "")


def decode_words(text: str) -> str:
    """RFC 2047 encoded words decoded, control characters gone, white space collapsed. Never raises."""
    decoded = text
    if "=?" in text:
        try:
            parts = [
                part if isinstance(part, str) else part.decode(_codec(charset), "replace")
                for part, charset in decode_header(text)
            ]
            decoded = "".join(parts)
        except (ValueError, UnicodeError, LookupError, MessageError):
            decoded = text  # not decodable: better as it was written than lost
    return " ".join(_CONTROLS.sub(" ", decoded).encode("utf-8", "replace").decode("utf-8").split())


def _codec(charset: str | None) -> str:
    name = (charset or "ascii").lower()
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return "latin-1" if name in ("unknown-8bit", "x-unknown") else "utf-8"
    return name


def parse_list(header: str) -> list[Mailbox]:
    """The mailboxes of a From, To, Cc … value: names decoded, groups flattened, linear time, never raises.

    The list is split before anything is decoded, so that a comma inside an encoded name splits nothing. What real mail gets wrong
    is read as a person would: a quote or a comment that is never closed does not swallow the rest, spaces around `@` are
    dropped, of a source route (`<@relay:ann@x.io>`) the end counts.
    """
    return [box for entry in _entries(header[:MAX_HEADER]) if (box := _mailbox(entry)).address]


class _Entry(NamedTuple):
    """One comma-separated piece: its text without comments, and the comments."""

    text: str
    comments: str


def _entries(header: str) -> list[_Entry]:
    """Cut at commas and semicolons outside quotes, comments and source routes; the names of groups are dropped."""
    closing = _closing_marks(header)
    entries: list[_Entry] = []
    text: list[str] = []
    comments: list[str] = []
    bracket: int | None = None  # where the open angle bracket began in `text`
    position = 0
    while position < len(header):
        character = header[position]
        end = closing.get(position)
        if end is not None:
            (text if character == '"' else comments).append(header[position : end + 1])
            position = end + 1
            continue
        if character == "<" and bracket is None:
            bracket = len(text)
            text.append(character)
        elif character == ">":
            if bracket is not None:
                text.append(character)
            bracket = None
        elif character in ",;" and (bracket is None or "".join(text[bracket + 1 : bracket + 2]) != "@"):
            entries.append(_Entry("".join(text), " ".join(comments)))
            text, comments, bracket = [], [], None
        elif character == ":" and bracket is None:
            text, comments = [], []  # the name of a group
        elif character not in '"(':  # one that is never closed means nothing
            text.append(character)
        position += 1
    entries.append(_Entry("".join(text), " ".join(comments)))
    return entries


def _closing_marks(header: str) -> dict[int, int]:
    """Where each quote and each outermost comment that is closed begins and ends."""
    closing: dict[int, int] = {}
    open_comments: list[int] = []
    quote: int | None = None
    escaped = False
    for position, character in enumerate(header):
        if escaped:
            escaped = False
        elif character == "\\" and (quote is not None or open_comments):
            escaped = True
        elif quote is not None:
            if character == '"':
                closing[quote] = position
                quote = None
        elif character == "(":
            open_comments.append(position)
        elif character == ")" and open_comments:
            closing[open_comments.pop()] = position
        elif character == '"' and not open_comments:
            quote = position
    if quote is not None:  # never closed: what follows it is read as if it were not there
        later = _closing_marks(header[quote + 1 :]) if '"' not in header[quote + 1 :] else {}
        closing.update({quote + 1 + begin: quote + 1 + end for begin, end in later.items()})
    return closing


_AROUND_AT = re.compile(r"\s*@\s*")
_AROUND_DOT = re.compile(r"\s*\.\s*")


def _tight(address: str) -> str:
    """White space around `@` and around the dots of the domain removed."""
    local, at, domain = _AROUND_AT.sub("@", address.strip()).rpartition("@")
    return f"{local}{at}{_AROUND_DOT.sub('.', domain)}"


def _mailbox(entry: _Entry) -> Mailbox:
    """One `Name <address>`, `address (Name)` or bare address."""
    before = ""
    rest = entry.text
    while "<" in rest:
        name, _, rest = rest.partition("<")
        before += name
        inside, _, rest = rest.partition(">")
        if "@" in inside:
            return Mailbox(
                _name(before) or _name(entry.comments.strip("() ")), _tight(inside.rpartition(":")[2].lstrip("<"))
            )
    words = [] if "<" in entry.text else [word for word in _tight(entry.text).split() if "@" in word]
    return Mailbox(_name(entry.comments.strip("() ")), words[0]) if len(words) == 1 else Mailbox("", "")


def _name(text: str) -> str:
    stripped = text.strip()
    if len(stripped) >= 2 and stripped[0] == stripped[-1] == '"':
        stripped = re.sub(r"\\(.)", r"\1", stripped[1:-1])
    return decode_words(stripped).strip("\"' ")[:300]


@lru_cache(maxsize=8_192)
def phone_key(shown: str, region: str | None = None) -> str:
    """E.164 where the country is known, else the digits (with a leading `+` kept); empty without digits."""
    try:
        number = phonenumbers.parse(shown, region)
        if phonenumbers.is_possible_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    except phonenumbers.NumberParseException:
        pass  # written without its country, or no phone number at all: compared by its digits
    digits = "".join(character for character in shown if character.isdigit())
    return ("+" if shown.strip().startswith("+") and digits else "") + digits
