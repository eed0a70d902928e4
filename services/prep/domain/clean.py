"""Text that others wrote, made harmless for one line of a brief, a header, or the model. HTML is escaped by the templates."""

import re
import unicodedata
from urllib.parse import urlsplit

MAX_URL = 2_000
_BREAKS = frozenset({"Cc", "Zl", "Zp"})  # controls and line ends: the words of others stay on one line
_UNSEEN = frozenset({"Cf", "Cs", "Co"})  # direction overrides, tag characters, lone surrogates
_JOINERS = frozenset("\u200c\u200d")  # invisible too, but part of words in Persian and Indic scripts, and of emoji

_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.|\bmailto:|\btel:|\bjavascript:)\S*", re.IGNORECASE)
_CODE = re.compile(
    r"\b(?:pin|pass ?code|password|passwort|kennwort|access code|meeting[- ]?id|conference id|code)\b"
    r"\s*(?:is|ist|lautet)?\s*[:#=]?\s*(?=\S*\d)\S+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\+?\d(?:[\s().\-/#*,]{0,2}\d){6,}#?")


def line(text: str, limit: int) -> str:
    """One line of at most `limit` characters without anything invisible; cut at its end with an ellipsis."""
    shown: list[str] = []
    for character in text[: 20 * limit]:
        category = unicodedata.category(character)
        if character.isspace() or category in _BREAKS:
            shown.append(" ")
        elif category not in _UNSEEN or character in _JOINERS:
            shown.append(character)
    whole = " ".join("".join(shown).split())
    return whole if len(whole) <= limit else whole[: limit - 1].rstrip() + "…"


def for_model(text: str, limit: int) -> str:
    """`line` without links, dial-in numbers and access codes, and without anything that could close its fence."""
    plain = line(text, 4 * limit)
    plain = _NUMBER.sub("[number]", _CODE.sub("[code]", _URL.sub("[link]", plain)))
    return line(plain.replace("<", "‹").replace(">", "›"), limit)


def has_link(text: str) -> bool:
    return _URL.search(text) is not None


def safe_url(url: str) -> str:
    """The URL where it is plain http or https with a host, else nothing."""
    candidate = url.strip()
    if not candidate or len(candidate) > MAX_URL or line(candidate, MAX_URL) != candidate or " " in candidate:
        return ""
    try:
        parts = urlsplit(candidate)
    except ValueError:
        return ""
    return candidate if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else ""
