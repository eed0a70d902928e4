"""The text of a message as a timeline shows it: snippet and subject made plain, short, and safe to store."""

import html
import re
import unicodedata

from libs.common.encoded_words import decode_words
from libs.common.resources.reading import storable
from services.sync.domain.quotes import without_quotes
from services.sync.domain.reply_words import DEVICES, REPLY_WORDS

MAX_LENGTH = 500
_MAX_INPUT = 8_000
_MAX_SNIPPET = 2_000  # Gmail's have about 200 characters, more where they are escaped
_VIRAMA = 9  # the combining class of the marks that tie two consonants of an Indic script together
_LONGEST_CLUSTER = 64  # beyond it, it is no character of any script: cut hard

# Padding that mailers put after a preview: invisible characters, alone or in runs with spaces between them.
_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
_RUN = re.compile(rf"[\s{_INVISIBLE}]{{2,}}")
_PADDING = re.compile(rf"[{_INVISIBLE}]")
_LONE_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# In a snippet, line ends have become spaces: a signature mark counts after the end of a sentence, before a name.
_SIGNATURE = re.compile(r"(?:^|(?<=\n)|(?<=[.!?…,)] ))--(?: ?\n| (?=[^\W\d_a-zà-þ])| ?$)")
# "Sent from my iPhone": at the end only, and only where it names what it was sent from.
_LONGEST_DEVICE = 120
_NAME = rf"(?:{'|'.join(map(re.escape, DEVICES))})"
_NAMED = (
    rf"(?:[^\s.!?]{{1,20}} ){{0,3}}[^\s.!?]{{0,3}}{_NAME}[^\s.!?]{{0,8}}"
    r"(?: (?:[^\W_a-zà-þ][^\s.!?]{0,20}|smartphone|tablet|secure|email|app|mobile)){0,4}"
)
_DEVICE = re.compile(
    r"(?:^|(?<=\s))(?:"
    + "|".join(words.device.replace("@", _NAMED).replace("#", _NAME) for words in REPLY_WORDS.values() if words.device)
    + r")[.!]?\s*$"
)
# One of them is in every such signature: most texts have none, and are not searched.
_SENT = (
    "Sent ", "Outlook", "esendet", "Envoyé ", "Enviado ", "Inviato ", "Verstuurd ", "Verzonden ", "Skickat ", "Sendt ", "Lähetetty ",
    "Wysłan", "Odeslán", "Odoslan", "Отправлено ", "Надіслано ", "Відправлено ", "Изпратено ", "gönderildi", "küldve", "Στάλθηκε ",
    "Εστάλη ", "Trimis ", "Poslano ", "gửi", "Dikirim ", "送信", "发", "傳送", "寄自", "보냄", "رسل", "رسال", "נשלח",
)  # fmt: skip


def plain_snippet(snippet: str) -> str:
    """Gmail's snippet: unescaped once, padding, quoted reply and signatures gone, at most 500 characters."""
    text = _CONTROLS.sub(" ", storable(html.unescape(snippet[:_MAX_SNIPPET])))
    if not text.isascii():
        text = _LONE_INVISIBLE.sub("", _RUN.sub(lambda run: " " if _PADDING.search(run[0]) else run[0], text))
    text = without_quotes(text)
    if "--" in text and (signature := _SIGNATURE.search(text)):
        text = text[: signature.start()]
    if added := _signed_by_device(text):
        text = text[: added.start()]
    return shortened(" ".join(text.split()))


def _signed_by_device(text: str) -> re.Match[str] | None:
    begin = max(0, len(text) - _LONGEST_DEVICE)
    tail = text[begin:]
    return _DEVICE.search(text, begin) if any(map(tail.__contains__, _SENT)) else None


def plain_subject(header: str) -> str:
    """A Subject header decoded, at most 500 characters."""
    return shortened(storable(decode_words(header[:_MAX_INPUT])))


def shortened(text: str, limit: int = MAX_LENGTH) -> str:
    """At most `limit` characters, cut between what people see as characters (accents, emoji sequences and flags stay whole)."""
    if len(text) <= limit:
        return text
    cut = limit
    while cut > max(0, limit - _LONGEST_CLUSTER) and _joined(text, cut):
        cut -= 1
    return text[: cut if not _joined(text, cut) else limit].rstrip()


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and after `at` belong to one that people see."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if before == "\u200d" or after in "\u200d\u200c" or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if unicodedata.combining(before) == _VIRAMA and unicodedata.category(after) == "Lo":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if _is_flag_half(before) and _is_flag_half(after):
        run = at
        while run > 0 and at - run < _LONGEST_CLUSTER and _is_flag_half(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 1
    return False


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
