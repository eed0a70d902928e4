"""RFC 2047 encoded words (`=?utf-8?q?Caf=C3=A9?=`) as real mail has them: with wrong, old, unknown and missing charsets.

The standard library's `decode_header` spoils what stands unencoded beside them, and knows neither language tags (RFC 2231) nor labels
that name less than what is meant (`gb2312` for GBK, `iso-8859-1` for Windows-1252). Pure, never raises, and in time that is linear in
the text: from an opening the nearest closing mark is looked for, and where there is none, no later opening is looked at either.
"""

import binascii
import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

MAX_DECODED = 100_000
_OPENING = re.compile(r"=\?([^?*\s]{1,40})(?:\*[^?\s]{0,20})?\?([bBqQ])\?")
_CLOSING = "?="
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
# Zero-width joiner and non-joiner belong to words of Persian and Indic scripts and to emoji: behind a letter or sign of those, once.
_STRAY_JOINER = re.compile(r"(?<![\u0590-\u1fff\u2190-\u2bff\u3000-\ufefe\uff00-\U0010ffff])[\u200c\u200d]")
_Q_BYTE = re.compile(rb"=([0-9A-Fa-f]{2})")
# What is meant where this is written: the charset that holds the named one.
_MEANT = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874", "gb2312": "gb18030",
    "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "cp950",
}  # fmt: skip
# Labels that Python does not know.
_ALIASES = {
    "x-sjis": "cp932", "x-gbk": "gb18030", "cp-850": "cp850", "iso-8859-8-i": "iso8859-8", "windows-874": "cp874",
    "x-mac-roman": "mac_roman",
}  # fmt: skip
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape"})


def decode_words(text: str) -> str:
    """A header's text with encoded words decoded, control characters gone, white space collapsed. What can't be decoded stays."""
    decoded = _decoded(text) if "=?" in text else text
    visible = decoded if decoded.isascii() else _STRAY_JOINER.sub("", decoded)
    return " ".join(_CONTROLS.sub(" ", visible).encode("utf-8", "replace").decode("utf-8").split())


class _Word(NamedTuple):
    """An encoded word: where it begins and ends, its charset in small letters, its bytes. None: they are not encoded as it says."""

    start: int
    end: int
    charset: str
    raw: bytes | None


def _decoded(text: str) -> str:
    words = list(_words(text[:MAX_DECODED]))
    pieces: list[str] = []
    position = 0
    waiting: list[bytes] = []  # a character may begin in one word and end in the next
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else None
        pieces.append(text[position : word.start])
        position = word.end
        if word.raw is None:
            pieces.append(text[word.start : word.end])
            continue
        waiting.append(word.raw)
        adjacent = following is not None and not text[position : following.start].strip()
        if adjacent and following is not None and following.raw is not None:
            position = following.start  # the space between two encoded words is none
            if following.charset == word.charset:
                continue
        pieces.append(_text(b"".join(waiting), word.charset))
        waiting = []
    return "".join([*pieces, text[position:]])


def _words(text: str) -> Iterator[_Word]:
    """The encoded words, from left to right. One that is never closed is none, nor is any behind it: each character is read once."""
    position = 0
    while opening := _OPENING.search(text, position):
        closing = text.find(_CLOSING, opening.end())
        if closing < 0:
            return
        position = closing + len(_CLOSING)
        charset = opening[1].lower()
        encoded = text[opening.end() : closing]
        raw = _q_bytes(encoded, charset) if opening[2] in "qQ" else _b_bytes(encoded)
        yield _Word(opening.start(), position, charset, raw)


def _q_bytes(encoded: str, charset: str) -> bytes:
    """What the encoding "Q" stands for. Letters that should have been encoded are those of the charset, too."""
    plain = encoded.replace("_", " ").encode("ascii" if encoded.isascii() else _codec(charset), "replace")
    return _Q_BYTE.sub(lambda byte: bytes((int(byte[1], 16),)), plain)


def _b_bytes(encoded: str) -> bytes | None:
    """What base64 stands for, with or without its padding; None where it is no base64."""
    bare = encoded.rstrip("=").strip()
    try:
        raw = binascii.a2b_base64(bare + "=" * (-len(bare) % 4))
    except ValueError:  # no base64, or not ASCII
        return None
    return raw if raw or not bare else None


def _text(raw: bytes, charset: str) -> str:
    """The text that is meant. UTF-8 is known by its pattern, whatever the label says of it; a wrong label "utf-8" means Windows-1252."""
    codec = _codec(charset)
    for name in (codec, "utf-8") if codec not in ("cp1252", "utf-8") else ("utf-8", "cp1252"):
        try:
            return raw.decode(name)
        except (UnicodeError, ValueError):
            continue
    return raw.decode("latin-1" if codec in ("cp1252", "utf-8") else codec, "replace")


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """The codec of a label; that of UTF-8 where nobody knows the label."""
    try:
        name = codecs.lookup(_ALIASES.get(charset, charset)).name
        "".encode(name)  # not every codec is one of text
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _NO_CHARSETS else _MEANT.get(name, name)
