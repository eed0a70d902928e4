"""Which of the names that were seen with an address it is known by: docs/rules.md, "Names".

The same names give the same choice, in whatever order they came.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from services.contacts.domain.text import words


class NameRank(IntEnum):
    """Where a name comes from, the better source the higher. What the user typed and Google's cards come before all of these."""

    CALENDAR = 1  # an invitation named them so
    BY_USER = 2  # the user's own mail to them did
    OWN = 3  # they call themselves so in their mail
    PLATFORM = 4  # another platform's address book does


@dataclass(frozen=True)
class SeenName:
    """A name as it was written, its source, and when it was seen last."""

    name: str
    rank: int
    at: datetime


# Who is called by nothing but these is a function, not a person.
_ROLE_WORDS = """
account accounting accounts admin administration alert alerts billing booking bookings buchhaltung careers contact customer desk enquiries
equipe equipo feedback finance hello help helpdesk hr info information inquiries invoice invoices it jobs kundenservice kundservice
kundtjanst mail marketing membership news newsletter notification notifications office orders payroll press reception recruiting
reservations sales secretariat security service services soporte support team the our webmaster your
"""
# And who is called by one of these at the end: no family is.
_ROLE_ENDS = (
    "alerts billing desk helpdesk newsletter notification notifications reception service services support team"
)
_ROLES, _ENDS_OF_ROLES = frozenset(_ROLE_WORDS.split()), frozenset(_ROLE_ENDS.split())
_VIA = " via "
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_QUALIFIER = re.compile(r" (?:\||@|-|–|—) ")
_QUOTES = "\"'`´‘’‚‛“”„‟«»‹› "
_MAX_LAST_WORDS = 3
# Behind a comma these belong to the name before it; it is no "Last, First".
_SUFFIX_WORDS = """
ag ab as asa bv ca co corp cpa dds dr esq eu gmbh ii iii inc iv jr kg lic llc llp ltd ma mba md msc nv oy pe phd plc prof pty rn sa sarl
se sl spa sr srl ug usa uk
"""
_SUFFIXES = frozenset(_SUFFIX_WORDS.split())


def plain_name(written: str) -> str:
    """The name in what a header or an invitation calls somebody; empty where that names nobody ("Ann via List").

    Without quotes, what stands in brackets and what is said about a full name behind a bar, a dash or an `@`; "Last, First" is turned
    around. Else as it is written.
    """
    name = " ".join(written.split()).strip(_QUOTES)
    if _VIA in name:
        return ""
    if any(map(str.isalpha, bare := " ".join(_BRACKETED.sub(" ", name).split()))):
        name = bare
    head = _QUALIFIER.split(name, maxsplit=1)[0]
    if len(words(head).split()) > 1:
        name = head
    return _first_name_first(name.strip(_QUOTES + ",;"))


def _first_name_first(name: str) -> str:
    """ "Raman, Priya" as "Priya Raman"; "Acme, Inc." and "Ann Lee, PhD" as they are."""
    last, comma, first = (part.strip() for part in name.partition(","))
    behind = words(first.replace(".", "")).split()
    is_pair = comma and "," not in first and last and behind and not any(map(str.isdigit, name))
    if not is_pair or len(last.split()) > _MAX_LAST_WORDS or len(behind) > _MAX_LAST_WORDS or _SUFFIXES & set(behind):
        return name
    return f"{first} {last}"


def is_role(name: str) -> bool:
    """Whether it names a function ("Support Team", "Acme Billing") and no person."""
    spelled = words(name).split()
    return bool(spelled) and (spelled[-1] in _ENDS_OF_ROLES or all(word in _ROLES for word in spelled))


def chosen_name(seen: Iterable[SeenName]) -> SeenName | None:
    """The one by which somebody is known; None where nothing names them.

    Of persons before functions, then of the best source the newest, of those that no fuller one contains. A writing that is neither
    in capitals throughout nor without any comes before one that is, as does one without pictures.
    """
    best = sorted(seen, key=lambda name: (not is_role(name.name), name.rank, name.at, name.name), reverse=True)
    best = [name for name in best if (is_role(name.name), name.rank) == (is_role(best[0].name), best[0].rank)]
    return best[position_of_fullest([name.name for name in best])] if best else None


def position_of_fullest(names: Sequence[str]) -> int:
    """Of names in the order of preference: the first that none of the others contains, in its best writing."""
    spelled = [Counter(words(name).split()) for name in names]
    first = next(
        position
        for position, own in enumerate(spelled)
        if not any(_is_within(own, other) and not _is_within(other, own) for other in spelled)
    )
    same = [position for position, other in enumerate(spelled) if other == spelled[first]]
    return min(same, key=lambda position: (_is_oddly_written(names[position]), position))


def _is_within(shorter: Counter[str], longer: Counter[str]) -> bool:
    """Whether each word of the shorter name is one of the longer, or its initial: "P. Raman" is within "Priya Raman"."""
    left = list((longer - shorter).elements())
    for word in (shorter - longer).elements():
        match = next((other for other in left if len(word) == 1 and other.startswith(word)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _is_oddly_written(name: str) -> int:
    """How many oddities a writing has: pictures, capitals throughout or not at all, signs that part it."""
    pictures = any(unicodedata.category(character) in ("So", "Sk", "Cs", "Co") for character in name)
    return pictures + (name.isupper() or name.islower()) + any(sign in name for sign in "()[],|")
