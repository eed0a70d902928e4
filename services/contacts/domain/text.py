"""Text from outside, made harmless; and folded, for comparison and search."""

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256

from anyascii import anyascii

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(r"\w+")
MAX_KEY = 500
MAX_FOLDED = 100_000


def cleaned(text: str, limit: int) -> str:
    """Without NUL, other controls and lone surrogates, at most `limit` characters."""
    if text.isprintable():
        return text[:limit].strip()
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode("utf-8")[:limit].strip()


def is_web_link(text: str) -> bool:
    """Whether it is http or https, and nothing is hidden in it: what else there is nobody should click."""
    return text.lower().startswith(("https://", "http://")) and text.isprintable()


def folded(text: str) -> str:
    """Without marks, case and needless white space, Latin letters as those of English: what two spellings of a name have in common.

    Of endless texts their beginning. Marks go before the text is normalised and after: putting a long run of them in order takes
    quadratic time.
    """
    written = text[:MAX_FOLDED]
    bare = written if written.isascii() else "".join(map(_plain, unicodedata.normalize("NFKD", _unmarked(written))))
    return " ".join(bare.casefold().split())


@lru_cache(maxsize=8_192)
def _plain(character: str) -> str:
    """`ł` is l, `ß` ss, `æ` ae; marks and invisible characters are nothing. Letters of other scripts stay: they are searched as written."""
    category = unicodedata.category(character)
    if category.startswith("M") or category == "Cf":
        return ""
    if not character.isascii() and category.startswith("L") and unicodedata.name(character, "").startswith("LATIN "):
        spelled = anyascii(character)
        return spelled if spelled.isalpha() else character
    return character


def _unmarked(text: str) -> str:
    return "".join(character for character in text if not unicodedata.category(character).startswith("M"))


def words(*texts: str) -> str:
    """The folded words of texts, separated by blanks: what search looks at. Addresses fall into their parts."""
    return " ".join(_WORD.findall(folded(" ".join(texts)).replace("_", " ")))[:MAX_FOLDED]


def key(text: str) -> str:
    """A text that can be an index key however long it is: hashed where it is over 500 characters."""
    harmless = cleaned(text, 100_000)
    return harmless if len(harmless) <= MAX_KEY else "sha256:" + sha256(harmless.encode()).hexdigest()
