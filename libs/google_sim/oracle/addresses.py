"""Mail addresses, read as docs/rules.md says: one pass over a header, canonical form, validity, and who is me.

Written apart from the services on purpose. Every function is linear in its input: headers are hostile.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header

import idna

from libs.google_sim.oracle.noreply import nobody_reads

MAX_ADDRESS = 254
_DOMAIN = re.compile(r"[a-z0-9.-]+")
_QUOTED_LOCAL = re.compile(r'"((?:[^"\\]|\\.)*)"\s?@\s?([^\s"@]+)')
_GOOGLE_DOMAINS = {"gmail.com", "googlemail.com"}


@dataclass(frozen=True)
class Mailbox:
    """One entry of an address header: the decoded display name ("" if none) and the canonical address (None if invalid)."""

    name: str
    address: str | None


@dataclass
class _Entry:
    """What the scanner has collected of one entry: words outside brackets, comments, and the bracketed addresses.

    `in_group`: a group's name stands before it. `ended_by`: the mark behind it, "" at the end of the header.
    """

    words: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    angles: list[list[str]] = field(default_factory=list)
    in_group: bool = False
    ended_by: str = ""

    @property
    def name(self) -> str:
        return decoded(" ".join(_unquoted(word) for word in self.words))

    @property
    def opens_a_name(self) -> bool:
        """Words without an address, up to a comma; a lone `@` before a word without a dot makes none ("Ann @ Acme")."""
        if self.ended_by != "," or self.angles or not self.words:
            return False
        glued = _joined(self.words)
        held = [word for word in glued if "@" in word]
        return all(word not in self.words and "." not in word.rpartition("@")[2] for word in held)

    @property
    def closes_a_name(self) -> bool:
        return bool(self.angles) and not self.in_group and not (self.words and self.words[0].startswith('"'))

    def mailbox(self) -> Mailbox | None:
        if self.angles:
            written = next((angle for angle in self.angles if any("@" in word for word in angle)), self.angles[0])
            name = " ".join(_unquoted(word) for word in self.words) or " ".join(self.comments)
            return Mailbox(decoded(name), canonical(" ".join(_after_colon(written))))
        if not self.words:
            return None
        words = _joined(self.words)
        holding = [word for word in words if "@" in word]
        name = " ".join(self.comments) or " ".join(_unquoted(word) for word in words if "@" not in word)
        return Mailbox(decoded(name), canonical(holding[0]) if len(holding) == 1 else None)


def mailboxes(header: str) -> list[Mailbox]:
    """All entries of one address header, in order; group names are dropped, their members kept.

    `,` and `;` end an entry (inside `<…>` too, unless it is a source route), `:` outside brackets drops the group name
    before it, comments are only names; the mark of a quote or comment that never closes is dropped. Words without an address
    before a comma belong to the name of the bracketed address behind it, unless that name is in quotes.
    """
    found: list[Mailbox | None] = []
    opened: list[_Entry] = []
    for entry in _entries(header):
        if entry.opens_a_name:
            opened.append(entry)
            continue
        box = entry.mailbox()
        if opened and entry.closes_a_name and box is not None and box.address is not None:
            names = (part for part in (*(before.name for before in opened), box.name) if part)
            found.append(Mailbox(", ".join(names), box.address))
        else:
            found += [*(before.mailbox() for before in opened), box]
        opened = []
    return [box for box in (*found, *(before.mailbox() for before in opened)) if box is not None]


def _entries(header: str) -> Iterable[_Entry]:
    entry, word = _Entry(), ""
    angle: list[str] | None = None  # the words of an open <…>
    closing_quote, closing_comment = True, True
    position, end = 0, len(header)

    def close_word() -> None:
        nonlocal word
        if word:
            (entry.words if angle is None else angle).append(word)
            word = ""

    while position < end:
        char = header[position]
        position += 1
        if char == '"' and closing_quote:
            stop = _end_of_quote(header, position)
            if stop is None:
                closing_quote = False
            else:
                word += header[position - 1 : stop]
                position = stop
        elif char == "(" and closing_comment:
            stop = _end_of_comment(header, position)
            if stop is None:
                closing_comment = False
            else:
                entry.comments.append(header[position : stop - 1].strip())
                position = stop
        elif char.isspace():
            close_word()
        elif char == "<":
            close_word()
            angle = []
            entry.angles.append(angle)
        elif char == ">":
            close_word()
            angle = None
        elif char in ",;" and not _is_route(angle, word):
            close_word()
            angle = None
            entry.ended_by = char
            yield entry
            entry = _Entry()
        elif char == ":" and angle is None:
            word, entry = "", _Entry(in_group=True)
        else:
            word += char
    close_word()
    yield entry


def _is_route(angle: list[str] | None, word: str) -> bool:
    return angle is not None and (angle[0] if angle else word).startswith("@")


def _end_of_quote(header: str, position: int) -> int | None:
    while position < len(header):
        if header[position] == "\\":
            position += 1
        elif header[position] == '"':
            return position + 1
        position += 1
    return None


def _end_of_comment(header: str, position: int) -> int | None:
    depth = 1
    while position < len(header):
        if header[position] == "\\":
            position += 1
        elif header[position] == "(":
            depth += 1
        elif header[position] == ")":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return None


def _unquoted(word: str) -> str:
    if len(word) >= 2 and word[0] == word[-1] == '"':
        word = word[1:-1]
    return re.sub(r"\\(.)", r"\1", word)


def _joined(words: Iterable[str]) -> list[str]:
    """Glue words that white space around `@`, or around a dot of the domain, has parted (RFC 5322 obs-domain)."""
    glued: list[str] = []
    for word in words:
        left = glued[-1] if glued else ""
        around_at = left.endswith("@") or (left != "" and word.startswith("@"))
        in_domain = "@" in left and (left.endswith(".") or word.startswith("."))
        if around_at or in_domain:
            glued[-1] = left + word
        else:
            glued.append(word)
    return glued


def _after_colon(words: list[str]) -> list[str]:
    """An address without its source route (`@a,@b:user@host`) or scheme (`mailto:`); quoted colons stay."""
    text = " ".join(words)
    if '"' in text:
        return [text]
    return text.rpartition(":")[2].split()


def decoded(name: str) -> str:
    """A display name with RFC 2047 words decoded (as written where that fails) and white space collapsed."""
    name = " ".join(name.split())
    # Words that never close take the standard library quadratic time: behind the last `?=` there is nothing to decode.
    closed = name.rfind("?=") + 2
    words, rest = (name[:closed], name[closed:]) if closed > 1 else ("", name)
    try:
        name = str(make_header(decode_header(words))) + rest if words else rest
    except (HeaderParseError, LookupError, ValueError):  # an unknown charset, broken base64: the name as written
        return " ".join(name.split())
    return " ".join(name.split())


def canonical(written: str) -> str | None:
    """The canonical form of one address, or None if it is not a valid one.

    >>> canonical("J.Doe+news@GoogleMail.com")
    'jdoe@gmail.com'
    """
    text = "".join(c for c in written if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf"))
    text = " ".join(text.split()).strip("<> ")
    if quoted := _QUOTED_LOCAL.fullmatch(text):
        local, domain = _unquoted(f'"{quoted[1]}"'), quoted[2]
    else:
        words = _joined(text.strip("<>\"' ").split())
        if len(words) != 1 or words[0].count("@") != 1:
            return None
        local, _, domain = words[0].partition("@")
    local, domain = local.strip("\"'").lower(), _ascii_domain(domain.lower()).rstrip(".")
    if domain in _GOOGLE_DOMAINS:
        domain, local = "gmail.com", local.partition("+")[0].replace(".", "")
    if not local or "@" in local or any(c.isspace() for c in local) or not _DOMAIN.fullmatch(domain):
        return None
    address = f"{local}@{domain}"
    return address if len(address) <= MAX_ADDRESS else None


def _ascii_domain(domain: str) -> str:
    if domain.isascii() or len(domain) > MAX_ADDRESS:
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def is_bounce(address: str) -> bool:
    """Whether the local part of a canonical address is that of a mail system."""
    return address.partition("@")[0] in ("mailer-daemon", "postmaster")


def is_noreply(address: str) -> bool:
    """Whether the local part of a canonical address says that nobody reads the answers."""
    return nobody_reads(address.partition("@")[0])


@dataclass(frozen=True)
class Me:
    """All canonical addresses of the user."""

    addresses: frozenset[str]

    @classmethod
    def of(cls, written: Iterable[str]) -> "Me":
        return cls(frozenset(address for text in written if (address := canonical(text)) is not None))

    def __contains__(self, address: str) -> bool:
        local, _, domain = address.partition("@")
        return address in self.addresses or f"{local.partition('+')[0]}@{domain}" in self.addresses
