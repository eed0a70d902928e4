"""Text from outside, made harmless; and folded, for comparison and search."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import islice

from anyascii import anyascii

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(r"\w+")
MAX_KEY = 500
MAX_FOLDED = 100_000
MAX_WORDS, MAX_WORD = 10, 200
MAX_PAIRS = 4_000
"""So many pairs of letters are looked up of one text: a long note must fit into its index."""

# Scripts that are written without blanks, or put endings on names: Thai, Lao, Burmese, Korean (folded: its letters), Khmer, kana, Han.
_SCRIPTS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u312f\u3400-\u9fff\ua960-\ua97f\ud7b0-\ud7ff"
    "\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_SCRIPTS}]")
_STRETCH = re.compile(f"[{_SCRIPTS}]+|[^{_SCRIPTS}]+")
# A Korean syllable is two or three letters once it is folded; in the other scripts each letter stands by itself.
_LETTER = re.compile("[\u1100-\u115f\ua960-\ua97f][\u1160-\u11a7\ud7b0-\ud7c6]?[\u11a8-\u11ff\ud7cb-\ud7ff]?|.")


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


def searched_words(*texts: str) -> str:
    """The words of texts as they are stored for search; in scripts without blanks also every pair of letters, and the last one.

    So that any stretch of a name is found by the index: 太郎 of 山田太郎, 철수 of 김철수.
    """
    found = words(*texts)
    parts = (part for word in found.split() if _UNSPACED.search(word) for part in _parts(word))
    return " ".join((found, *dict.fromkeys(islice(parts, MAX_PAIRS)))).strip()


def _parts(word: str) -> Iterator[str]:
    """Each stretch in one of these scripts in pairs of letters that overlap, the last letter alone; other stretches whole."""
    for stretch in _STRETCH.findall(word):
        if _UNSPACED.match(stretch):
            letters = _LETTER.findall(stretch)
            yield from ("".join(letters[n : n + 2]) for n in range(len(letters)))
        else:
            yield stretch


@dataclass(frozen=True)
class SearchTerms:
    """What a text looks for: `begins` must each begin a stored word, `stretches` must each be in one; `wholes` are the words typed."""

    begins: Sequence[str]
    wholes: Sequence[str]
    stretches: Sequence[str]


def search_terms(text: str) -> SearchTerms:
    """Of the first words of what was typed, and the beginnings of words without end."""
    typed = [word[:MAX_WORD] for word in words(text[:MAX_FOLDED]).split()[:MAX_WORDS]]
    begins: list[str] = []
    stretches: list[str] = []
    for word in typed:
        for stretch in _STRETCH.findall(word):
            letters = _LETTER.findall(stretch) if _UNSPACED.match(stretch) else [stretch]
            begins += ["".join(letters[n : n + 2]) for n in range(max(1, len(letters) - 1))]
            if len(letters) > 2:  # each pair may be there, and not next to each other
                stretches.append(stretch)
    return SearchTerms(tuple(dict.fromkeys(begins)), tuple(dict.fromkeys(typed)), tuple(stretches))


def key(text: str) -> str:
    """A text that can be an index key however long it is: hashed where it is over 500 characters."""
    harmless = cleaned(text, 100_000)
    return harmless if len(harmless) <= MAX_KEY else "sha256:" + sha256(harmless.encode()).hexdigest()
