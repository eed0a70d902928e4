"""Text that others wrote, made harmless for one line of a brief, a header, or the model. HTML is escaped by the templates."""

import re
import unicodedata
from urllib.parse import urlsplit

MAX_URL = 2_000
_CONTROL = "Cc"  # like every blank and line end, it becomes a space: the words of others stay on one line
_UNSEEN = frozenset({"Cf", "Cs", "Co"})  # direction overrides, tag characters, lone surrogates
_JOINERS = frozenset("\u200c\u200d")  # invisible too, but part of words in Persian and Indic scripts, and of emoji

_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.|\bmailto:|\btel:|\bjavascript:)\S*", re.IGNORECASE)
# What mail programs make a link of though it has no scheme: a domain, with or without a path. Names of files and libraries are none.
_NO_TLD = "pdf|docx?|xlsx?|pptx?|csv|txt|json|xml|html?|png|jpe?g|gif|svg|[jt]sx?|css|ya?ml|sql|ics|eml|exe"
_TLD = (
    rf"(?!(?:{_NO_TLD})(?![\w-]))(?:[a-z]{{2,24}}|xn--[a-z0-9-]{{2,59}}|рф|рус|бел|укр|онлайн|сайт|中国|中國|公司|网络|网址|香港|台灣|한국|닷컴|"
    r"コム|みんな|भारत|ไทย|ελ|ею|ישראל|السعودية|امارات|مصر|ایران)(?![\w-])"
)
_DOMAIN = re.compile(rf"(?:(?<=[^\W_])\.|(?<=[a-z0-9])。){_TLD}", re.IGNORECASE)
_PATH = re.compile(
    rf"(?<![\w.-])[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{0,8}}\.(?:{_TLD}|[^\W\da-z_]{{2,24}})(?:[/?#]|:\d)\S*"
    r"|(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?:[/?#]|:\d)\S*",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\b(?:pin|pass ?code|password|passwort|kennwort|access code|meeting[- ]?id|conference id|code)\b"
    r"\s*(?:(?:is|ist|lautet)\b\s*)?(?:[:#=]\s*)?(?=\S{0,40}\d)\S+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\+?\d(?:[\s().\-/#*,]{0,2}\d){6,}#?")


def line(text: str, limit: int) -> str:
    """One line of at most `limit` characters without anything invisible; cut at its end with an ellipsis."""
    read = text[: 20 * limit]
    whole = " ".join((read if read.isprintable() else _seen(read)).split())
    return whole if len(whole) <= limit else whole[: limit - 1].rstrip() + "…"


def _seen(text: str) -> str:
    """Without what is not seen. Most texts are printable throughout, and need no look at each character."""
    shown: list[str] = []
    for character in text:
        category = unicodedata.category(character)
        if character.isspace() or category == _CONTROL:
            shown.append(" ")
        elif category not in _UNSEEN or character in _JOINERS:
            shown.append(character)
    return "".join(shown)


def for_model(text: str, limit: int) -> str:
    """`unlinked` without dial-in numbers and access codes, and without anything that could close its fence."""
    plain = _NUMBER.sub("[number]", _CODE.sub("[code]", unlinked(text, 4 * limit)))
    return line(plain.replace("<", "‹").replace(">", "›"), limit)


def without_links(text: str) -> str:
    """The text with the word `[link]` in the place of each."""
    return _PATH.sub("[link]", _URL.sub("[link]", text))


def unlinked(text: str, limit: int) -> str:
    """`line` without links: what somebody is called, or wrote, leads nowhere from a mail that the reader trusts."""
    return line(without_links(line(text, 4 * limit)), limit)


def has_link(text: str) -> bool:
    """Whether a mail program may make a link of something in it, in whatever letters. `text`: at most some hundred characters."""
    plain = unicodedata.normalize("NFKC", text).translate(dict.fromkeys(map(ord, _JOINERS)))
    return any(pattern.search(plain) for pattern in (_URL, _DOMAIN, _PATH))


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
