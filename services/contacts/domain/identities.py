"""What identifies a person on another platform: how it is written, compared, shown. Pure; docs/rules.md, "Identities".

A handle is the same with or without its `@`, and as the address of its profile, in capitals where the platform folds them. Of a
platform that is not known here an identity is whatever its connector calls it, without decoration.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote

from libs.common.addresses import phone_key
from services.contacts.domain.text import cleaned, is_web_link, key

PHONE = "phone"
MAX_IDENTITY, MAX_KIND = 500, 32
# `email` has rules of its own, `bcc` is a contact's own hash, `domain` a rule of what is not recorded.
_OTHER_KINDS = frozenset({"", "email", "bcc", "domain"})
_ALIASES = {"x": "twitter", "tg": "telegram"}
# Where a number is the account; a user name may stand in its place.
_BY_PHONE = frozenset({"whatsapp", "signal"})
_SCHEME = re.compile(r"\A[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d[\d\s().\-/]{4,}")
_QUERY = re.compile(r"[?#]")
_TELEGRAM = re.compile(r"[a-z][a-z0-9_]{3,31}", re.ASCII)
# Letters of any script, digits, `-` and `_`.
_LINKEDIN = re.compile(r"[^\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f\s]{1,100}")
_TWITTER = re.compile(r"[a-z0-9_]{1,15}", re.ASCII)
_INSTAGRAM = re.compile(r"[a-z0-9_.]{1,30}", re.ASCII)
_GITHUB = re.compile(r"[a-z0-9][a-z0-9-]{0,38}", re.ASCII)


@dataclass(frozen=True)
class Platform:
    """Where its profiles are (`hosts` with all below them, then `path`), what a handle there looks like in lower case.

    `sign`: before a handle that is shown. `pages`: what stands in the place of a handle and is none.
    """

    label: str
    hosts: tuple[str, ...]
    handle: re.Pattern[str]
    profile: str
    path: tuple[str, ...] = ()
    sign: str = ""
    pages: frozenset[str] = frozenset()


PLATFORMS = {
    "telegram": Platform(
        "Telegram", ("t.me", "telegram.me", "telegram.dog"), _TELEGRAM, "https://t.me/{}", sign="@",
        pages=frozenset({"joinchat", "share", "addstickers", "addemoji", "addlist", "addtheme", "proxy", "socks", "login", "boost"}),
    ),
    "linkedin": Platform(
        "LinkedIn", ("linkedin.com",), _LINKEDIN, "https://www.linkedin.com/in/{}", path=("in",),
    ),
    "twitter": Platform(
        "Twitter", ("twitter.com", "x.com"), _TWITTER, "https://x.com/{}", sign="@",
        pages=frozenset({"home", "i", "intent", "search", "share", "hashtag", "explore", "settings", "messages", "notifications"}),
    ),
    "instagram": Platform(
        "Instagram", ("instagram.com",), _INSTAGRAM, "https://www.instagram.com/{}", sign="@",
        pages=frozenset({"p", "reel", "reels", "stories", "explore", "accounts", "direct"}),
    ),
    "github": Platform(
        "GitHub", ("github.com",), _GITHUB, "https://github.com/{}",
        pages=frozenset({"orgs", "settings", "login", "search", "topics", "sponsors", "features", "marketplace"}),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class PlatformIdentity:
    """`value` is comparable, `shown` as people write it. `recognised`: it has the form that its platform gives to all of them."""

    kind: str
    value: str
    shown: str
    recognised: bool


def read_identity(kind: str, written: str) -> PlatformIdentity | None:
    """An identity that is no email; None where it is nothing. What was read is read again as the same."""
    platform = identity_kind(kind)
    shown = cleaned(written, MAX_IDENTITY)
    if not platform:
        return None
    if platform == PHONE or platform in _BY_PHONE:
        if number := _number(platform, shown):
            is_address = platform != PHONE and not _NUMBER.fullmatch(shown)
            return PlatformIdentity(platform, number, number if is_address else shown, recognised=True)
        if platform == PHONE:
            return None
    if handle := _handle(platform, shown):
        sign = PLATFORMS[platform].sign
        return PlatformIdentity(platform, handle.lower(), f"{sign}{handle}", recognised=True)
    value = undecorated(_plain(shown))
    return PlatformIdentity(platform, value, shown, recognised=platform not in PLATFORMS) if value else None


def identity_kind(kind: str) -> str:
    """The platform's name as it is compared; empty where it is none: addresses of mail and hashes are no identities of platforms."""
    plain = cleaned(kind[:MAX_KIND].lower(), MAX_KIND)
    return "" if plain in _OTHER_KINDS else _ALIASES.get(plain, plain)


def kind_of_profile(written: str) -> str:
    """The platform at whose profiles this address points; empty where it is none of the known ones."""
    text = cleaned(written, MAX_IDENTITY)
    return next((kind for kind in PLATFORMS if _linked_handle(PLATFORMS[kind], _plain(text))), "")


def platform_label(kind: str) -> str:
    """What people call the platform."""
    return PLATFORMS[kind].label if kind in PLATFORMS else kind


def profile_url(kind: str, shown: str) -> str:
    """Where the profile is; empty where that is not known. Whoever calls something else a profile of a known platform links nothing."""
    if kind in PLATFORMS:
        handle = _handle(kind, shown)
        return PLATFORMS[kind].profile.format(quote(handle, safe="")) if handle else ""
    return shown if is_web_link(shown) and "@" not in shown.split("/")[2] else ""


def undecorated(written: str) -> str:
    """A handle or profile address without scheme, `www.`, `@` and trailing slash, in lower case; hashed where it is endless."""
    text = written.strip().lower().removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return key(text.lstrip("@").rstrip("/"))


def _handle(kind: str, written: str) -> str:
    """The handle as it is written, of a platform that is known; empty where it is none."""
    platform = PLATFORMS.get(kind)
    if platform is None:
        return ""
    text = _plain(written)
    return _linked_handle(platform, text) or _as_handle(platform, text.lstrip("@").rstrip("/"))


def _linked_handle(platform: Platform, text: str) -> str:
    """The handle in the address of a profile; who names another host in front of an `@` leads nobody astray."""
    rest = _SCHEME.sub("", text, count=1)
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2].partition(":")[0].lower().rstrip(".")
    if not any(host == known or host.endswith(f".{known}") for known in platform.hosts):
        return ""
    parts = [_plain(unquote(part)) for part in _QUERY.split(path, maxsplit=1)[0].split("/") if part]
    if parts[:1] == ["s"] and "t.me" in platform.hosts:  # the preview of a public chat
        parts = parts[1:]
    depth = len(platform.path)
    if len(parts) <= depth or tuple(part.lower() for part in parts[:depth]) != platform.path:
        return ""
    return _as_handle(platform, parts[depth].lstrip("@"))


def _as_handle(platform: Platform, text: str) -> str:
    folded = text.lower()
    return text if platform.handle.fullmatch(folded) and folded not in platform.pages else ""


def _number(kind: str, shown: str) -> str:
    """The phone number that the account is, comparable; empty where it is none."""
    if kind == PHONE:
        return phone_key(shown)
    text = (
        _SCHEME.sub("", _plain(shown), count=1).removeprefix("wa.me/").partition("?")[0].removesuffix("@s.whatsapp.net")
    )
    if kind == "whatsapp" and text[:1].isdecimal() and not text.startswith("0"):
        text = f"+{text}"  # there a number always has its country
    return phone_key(text) if _NUMBER.fullmatch(text) else ""


def _plain(text: str) -> str:
    """Without what can't be seen, full-width letters as others: what looks the same is the same."""
    seen = "".join(
        character for character in text if unicodedata.category(character) not in ("Cf", "Cc", "Cs", "Zl", "Zp")
    )
    return unicodedata.normalize("NFKC", seen).strip()
