"""Whether two contacts may be the same person, and what speaks for it."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.fuzz import token_sort_ratio

from services.contacts.domain.identities import PHONE, platform_label
from services.contacts.domain.identity_evidence import PROFILE, Evidence
from services.contacts.domain.nicknames import may_be_same_given_name

SIMILAR = 0.9
WORTH_SUGGESTING = 0.5
"""What is less sure is not suggested."""

# Everybody's domains: to share one proves nothing.
FREE_MAIL = frozenset(
    {
        "gmail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "icloud.com", "me.com", "mac.com", "aol.com",
        "gmx.de", "gmx.net", "web.de", "t-online.de", "mail.com", "proton.me", "protonmail.com", "pm.me", "fastmail.com",
        "zoho.com", "yandex.ru", "mail.ru", "qq.com", "163.com",
    }
)  # fmt: skip

_WORD = re.compile(r"\w+")
_TITLES = frozenset({"dr", "prof", "mr", "mrs", "ms", "jr", "sr", "phd", "herr", "frau"})
MAX_WORDS = 8


@dataclass(frozen=True)
class Traits:
    """What is compared of a contact. `name` and `company` are folded, `domains` are those of the emails, `phones` comparable.

    `handles`: what the contact is called on other platforms, and the local parts of its emails, where these name one person.
    `evidence`: what came with its identities on other platforms. `named`: what it has itself that such evidence of anybody names.
    """

    name: str
    domains: Collection[str]
    phones: Collection[str]
    company: str = ""
    handles: Collection[str] = ()
    evidence: Collection[Evidence] = ()
    named: Collection[tuple[str, str]] = ()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Those of the name. A contact is compared with many."""
        return name_words(self.name)


def name_words(name: str) -> tuple[str, ...]:
    """The words of a folded name in their order, without titles; none of what is called by its address or number."""
    if "@" in name or not any(character.isalpha() for character in name):
        return ()
    return tuple(word for word in _WORD.findall(name.replace("_", " ")) if word not in _TITLES)[:MAX_WORDS]


def likeness(first: Traits, second: Traits) -> tuple[float, tuple[str, ...]]:
    """How sure it is that both are one person (0–1), and the evidence in words; (0, ()) where nothing speaks for it."""
    found: list[tuple[float, str]] = []
    if shared := sorted(set(first.phones) & set(second.phones)):
        phone = shared[0].replace(";ext=", " ext. ")
        found.append((0.95 if first.name == second.name else 0.8, f"same phone {phone}"))
    found += _by_name(first, second)
    if handles := sorted(set(first.handles) & set(second.handles)):
        found.append((0.9 if found else 0.7, f"same handle {handles[0]}"))
    if shown := [*_by_evidence(first, second), *_by_evidence(second, first)]:
        found += [(max(sure, 0.95 if found else 0.0), words) for sure, words in shown]
    return max((sure for sure, _ in found), default=0.0), tuple(words for _, words in found)


def _by_evidence(first: Traits, second: Traits) -> Iterator[tuple[float, str]]:
    """What is shown with an identity of the first, and the second has."""
    phones = set(second.phones)
    for evidence in first.evidence:
        if evidence.address in second.named or (evidence.kind == PHONE and evidence.value in phones):
            platform = platform_label(evidence.platform)
            is_profile = evidence.source == PROFILE
            words = f"{platform} shows {evidence.value}" if is_profile else f"the {platform} bio names {evidence.value}"
            yield (0.9 if is_profile else 0.8), words


def names_are_alike(first: Traits, second: Traits) -> bool:
    """Whether the names alone speak for one person; where they live or work says nothing without."""
    return any(True for _ in _by_name(first, second))


def _by_name(first: Traits, second: Traits) -> Iterator[tuple[float, str]]:
    """What the names say, and the company where the names say something."""
    if not first.name or not second.name:
        return
    words, other_words = first.words, second.words
    is_same = bool(words) and sorted(words) == sorted(other_words)
    similar = 1.0 if is_same else token_sort_ratio(first.name, second.name, score_cutoff=100 * SIMILAR) / 100
    forms = "" if similar == 1.0 else _two_forms(words, other_words)
    if not (forms or similar >= SIMILAR or _is_abbreviation(words, other_words)):
        return
    place = _common_place(first, second)
    at = f" at {place}" if place else ""
    if first.name == second.name and place:
        yield 0.95, f"same name{at}"
    elif similar == 1.0:
        is_bare = (
            len(words) == 1 and words[0].isascii()
        )  # a given name alone; whole names of other scripts are one word
        yield (0.6 if is_bare else 0.85), "same name"
    elif forms:
        yield 0.9 if place else 0.75, f"forms of one name ({forms}){at}"
    elif similar >= SIMILAR:
        yield round(similar * 0.8, 2), f"similar name ({round(similar * 100)} %)"
    else:
        yield 0.8 if place else 0.6, f"same name with initials{at}"


def _common_place(first: Traits, second: Traits) -> str:
    """A domain or company of both that not everybody has; empty where there is none."""
    domains = sorted((set(first.domains) & set(second.domains)) - FREE_MAIL)
    if domains:
        return domains[0]
    return first.company if first.company == second.company != first.name else ""


def _two_forms(first: tuple[str, ...], second: tuple[str, ...]) -> str:
    """The two given names, where they are forms of one and the family names are the same, in whatever order; else empty."""
    if len(first) < 2 or len(second) < 2:
        return ""
    for given, family in ((first[0], first[-1]), (first[-1], first[0])):
        for other_given, other_family in ((second[0], second[-1]), (second[-1], second[0])):
            if family == other_family and may_be_same_given_name(given, other_given):
                return ", ".join(sorted((given, other_given)))
    return ""


def _is_abbreviation(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether the words pair off as equal or as initial and word, with at least one of each; in the order of one of them or turned."""
    if len(first) == len(second) and not any(len(word) == 1 for word in (*first, *second)):
        return False  # nothing is abbreviated: they would have to be equal
    return any(_pairs_off(first, turned) for turned in (second, second[1:] + second[:1], second[-1:] + second[:-1]))


def _pairs_off(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    if len(first) != len(second):  # "J. R. Ewing" and "John Ewing": who leaves out the middle keeps the ends
        first, second = _ends(first), _ends(second)
    equal = [left for left, right in zip(first, second, strict=True) if left == right and len(left) > 1]
    return bool(equal) and all(
        left == right or (1 in (len(left), len(right)) and left[0] == right[0])
        for left, right in zip(first, second, strict=True)
    )


def _ends(words: tuple[str, ...]) -> tuple[str, ...]:
    return (words[0], words[-1]) if len(words) > 1 else ("", "")
