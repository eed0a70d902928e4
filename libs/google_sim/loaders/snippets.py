"""The `snippet` that Gmail shows under a subject: the first words of a message, HTML-escaped."""

import html
import re
from base64 import urlsafe_b64decode

from libs.google_sim.account import Resource

_LENGTH = 200
_ENOUGH = 4_000
_NOT_TEXT = re.compile(r"<(style|script|head|title)\b.*?(?:</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_ZERO_WIDTH = str.maketrans("", "", "\u200b\u200c\u200d\u2060\ufeff\u034f\x00")


def snippet_of(payload: Resource) -> str:
    """About 200 characters of the text part, or of the HTML part where there is no other; "" if neither has text."""
    texts = _texts(payload)
    plain = next((text for kind, text in texts if kind == "text/plain" and text.strip()), "")
    marked_up = next((text for kind, text in texts if kind == "text/html"), "")
    return escaped_snippet(plain or _without_markup(marked_up))


def escaped_snippet(text: str) -> str:
    """The first words of a text on one line, escaped as Gmail does."""
    words = " ".join(text[:_ENOUGH].translate(_ZERO_WIDTH).split())
    if len(words) > _LENGTH:
        words = words[:_LENGTH].rpartition(" ")[0] or words[:_LENGTH]
    return html.escape(words).replace("&#x27;", "&#39;")


def _texts(payload: Resource) -> list[tuple[str, str]]:
    """(MIME type, text) of each part that has text, outermost first."""
    found, waiting = [], [payload]
    while waiting:
        part = waiting.pop(0)
        data = part.get("body", {}).get("data")
        if isinstance(data, str):
            padded = data + "=" * (-len(data) % 4)
            found.append((part.get("mimeType", ""), urlsafe_b64decode(padded).decode("utf-8", "replace")))
        waiting = part.get("parts", []) + waiting
    return found


def _without_markup(marked_up: str) -> str:
    return html.unescape(_TAG.sub(" ", _NOT_TEXT.sub(" ", marked_up[: 8 * _ENOUGH])))
