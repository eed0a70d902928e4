"""Email addresses and phone numbers: parsing header values, the canonical form, what is *me*. Pure; docs/rules.md has the rules."""

import re
from collections.abc import Collection
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
_BOUNCERS = frozenset({"mailerdaemon", "postmaster"})


class Mailbox(NamedTuple):
    """One address of a header: the display name (decoded) and the address as it was written."""

    name: str
    address: str


@lru_cache(maxsize=65_536)
def canonical(address: str) -> str | None:
    """The form in which addresses are compared; None where it is not an address."""
    text = _CONTROLS.sub("", address).strip().strip("<>").strip().strip("\"'")
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
    return _bare_local(address) in _BOUNCERS


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
        except (ValueError, UnicodeError, LookupError):
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

    The list is split before anything is decoded, so that a comma inside an encoded name splits nothing.
    """
    return [box for part in _split(header[:MAX_HEADER]) if (box := _mailbox(part)).address]


def _split(header: str) -> list[str]:
    """Cut at commas (and group marks) that are outside quotes, comments and angle brackets."""
    parts: list[str] = []
    piece: list[str] = []
    quoted = bracketed = escaped = False
    depth = 0
    for character in header:
        if escaped:
            piece.append(character)
            escaped = False
            continue
        if character == "\\" and (quoted or depth):
            piece.append(character)
            escaped = True
        elif quoted:
            piece.append(character)
            quoted = character != '"'
        elif character == '"' and not depth:
            piece.append(character)
            quoted = True
        elif character == "(":
            depth += 1
            piece.append(character)
        elif character == ")" and depth:
            depth -= 1
            piece.append(character)
        elif depth:
            piece.append(character)
        elif character == "<":
            bracketed = True
            piece.append(character)
        elif character == ">":
            bracketed = False
            piece.append(character)
        elif character in ",;" and not bracketed:
            parts.append("".join(piece))
            piece = []
        elif character == ":" and not bracketed:
            piece = []  # the name of a group
        else:
            piece.append(character)
    parts.append("".join(piece))
    if (quoted or bracketed or depth) and len(parts) == 1 and "," in header:
        return header.split(",")  # an unclosed quote swallowed the list: plain commas are the better guess
    return parts


def _mailbox(part: str) -> Mailbox:
    """One `Name <address>`, `address (Name)` or bare address."""
    text = part.strip()
    if text.endswith(">") and "<" in text:
        name, _, address = text[:-1].rpartition("<")
        return Mailbox(_name(name), address.strip())
    if "<" in text:
        name, _, rest = text.partition("<")
        return Mailbox(_name(name), rest.partition(">")[0].strip())
    bare, _, comment = text.partition("(")
    return Mailbox(_name(comment.rstrip(") ")), bare.strip()) if "@" in bare else Mailbox("", "")


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
