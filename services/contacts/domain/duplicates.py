"""Whether two contacts may be the same person, and what speaks for it."""

from collections.abc import Collection
from dataclasses import dataclass

from rapidfuzz.fuzz import token_sort_ratio

SIMILAR = 0.9
# Everybody's domains: to share one proves nothing.
FREE_MAIL = frozenset(
    {
        "gmail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "icloud.com", "me.com", "mac.com", "aol.com",
        "gmx.de", "gmx.net", "web.de", "t-online.de", "mail.com", "proton.me", "protonmail.com", "pm.me", "fastmail.com",
        "zoho.com", "yandex.ru", "mail.ru", "qq.com", "163.com",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Traits:
    """What is compared of a contact. `name` is folded, `domains` are those of the emails, `phones` comparable."""

    name: str
    domains: Collection[str]
    phones: Collection[str]


def likeness(first: Traits, second: Traits) -> tuple[float, tuple[str, ...]]:
    """How sure it is that both are one person (0–1), and the evidence in words; (0, ()) where nothing speaks for it."""
    found: list[tuple[float, str]] = []
    if shared := sorted(set(first.phones) & set(second.phones)):
        phone = shared[0].replace(";ext=", " ext. ")
        found.append((0.95 if first.name == second.name else 0.8, f"same phone {phone}"))
    similar = token_sort_ratio(first.name, second.name) / 100 if first.name and second.name else 0.0
    domains = sorted((set(first.domains) & set(second.domains)) - FREE_MAIL)
    if first.name and first.name == second.name and domains:
        found.append((0.95, f"same name at {domains[0]}"))
    elif similar == 1.0:
        found.append((0.85, "same name"))
    elif similar >= SIMILAR:
        found.append((round(similar * 0.8, 2), f"similar name ({round(similar * 100)} %)"))
    return max((sure for sure, _ in found), default=0.0), tuple(words for _, words in found)
